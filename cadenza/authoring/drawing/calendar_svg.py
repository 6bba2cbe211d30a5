"""A calendar as SVG: weeks as rows, days as columns."""

from collections.abc import Sequence

from cadenza.authoring.drawing import svg
from cadenza.authoring.drawing.calendar import Calendar, Entry
from cadenza.authoring.drawing.text import width, wrap

_MARGIN = 24.0
_HEAD = 40.0
_WEEK = 64.0
_CELL = 172.0
_DAY = 20.0
_LINE = 15.0
_PAD = 8.0
_GAP = 6.0
_EMPTY = 30.0


def draw_calendar(calendar: Calendar) -> str:
    """An SVG document. Weeks in which nothing happens are drawn as one thin row."""
    across = _WEEK + calendar.days_in_week * _CELL
    parts = [
        svg.text(
            _MARGIN,
            _MARGIN + svg.TITLE_SIZE,
            calendar.title,
            svg.TITLE_SIZE,
            "ink",
            room=max(across, width(calendar.title, svg.TITLE_SIZE, bold=True)),
            bold=True,
        )
    ]
    top, week = _MARGIN + _HEAD, 0
    for number in sorted({(day - 1) // calendar.days_in_week for day in calendar.entries}):
        if number > week:
            parts.append(_gap(top, across, number - week))
            top += _EMPTY
        drawn, height = _week(calendar, number, top)
        parts += drawn
        top, week = top + height, number + 1
    parts.append(_rule(top, across))
    wide = max(across, width(calendar.title, svg.TITLE_SIZE, bold=True))
    return svg.frame(wide + 2 * _MARGIN, top + _MARGIN, calendar.title, parts)


def _week(calendar: Calendar, number: int, top: float) -> tuple[Sequence[str], float]:
    """One row, and how high it is."""
    days = [number * calendar.days_in_week + n + 1 for n in range(calendar.days_in_week)]
    heights = [
        sum(_height(entry) + _GAP for entry in calendar.entries.get(day, ())) for day in days
    ]
    height = _DAY + max(heights) + _PAD
    parts = [
        _rule(top, _WEEK + calendar.days_in_week * _CELL),
        svg.text(_MARGIN, top + 18, f"week {number + 1}", svg.SMALL_SIZE, "dim", room=_WEEK - 8),
    ]
    for n, day in enumerate(days):
        left = _MARGIN + _WEEK + n * _CELL
        entries = calendar.entries.get(day, ())
        if not entries:
            parts.append(svg.rect(left + 2, top + 2, _CELL - 4, height - 4, "shade", radius=6))
        parts.append(
            svg.text(left + _PAD, top + 16, f"day {day}", svg.SMALL_SIZE, "dim", room=_CELL - 16)
        )
        y = top + _DAY + 4
        for entry in entries:
            parts.append(_drawn(entry, left + 3, y))
            y += _height(entry) + _GAP
    return parts, height


def _lines(entry: Entry) -> Sequence[str]:
    note = entry.outcome if entry.outcome and not entry.note else entry.note
    why = wrap(f"if {entry.when}", svg.SMALL_SIZE, _CELL - 6 - 2 * _PAD, 3) if entry.when else ()
    return [*([note] if note else []), *why]


def _height(entry: Entry) -> float:
    return 2 * _PAD + _LINE * (1 + len(_lines(entry)))


def _drawn(entry: Entry, left: float, top: float) -> str:
    across = _CELL - 6
    room = across - 2 * _PAD
    style = "else" if entry.when else "box"
    if entry.outcome is not None:
        style = svg.outcome_style(entry.outcome)
    parts = [
        svg.rect(left, top, across, _height(entry), style),
        svg.icon(left + _PAD, top + _PAD - 1, entry.kind),
        svg.text(
            left + _PAD + svg.ICON_SIZE + 6,
            top + _PAD + 12,
            entry.step,
            svg.NAME_SIZE,
            "ink",
            room=room - svg.ICON_SIZE - 6,
            bold=True,
        ),
    ]
    for number, said in enumerate(_lines(entry), start=1):
        y = top + _PAD + 12 + _LINE * number
        parts.append(svg.text(left + _PAD, y, said, svg.SMALL_SIZE, "dim", room=room))
    return f'<g data-step="{entry.step}" data-day="{entry.day}">{"".join(parts)}</g>'


def _gap(top: float, across: float, weeks: int) -> str:
    told = f"{weeks} week{'' if weeks == 1 else 's'} without a touch"
    return _rule(top, across) + svg.text(
        _MARGIN, top + 19, told, svg.SMALL_SIZE, "dim", room=across
    )


def _rule(y: float, across: float) -> str:
    return svg.line(f"M{_MARGIN:g} {y:.1f}h{across:g}", "rule", arrow=False)
