"""A simulation as text: tables with bars, the same bytes for the same run."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from console.simulate.document import CHANNELS

_BAR_WIDTH = 40
_SHORT = {
    "connection_accepted": "accepted",
    "auto_replied": "away",
    "unsubscribed": "opted out",
    "task_done": "done",
    "task": "tasks",
}
_STEP_COLUMNS = ("sent", "tasks", "failed", "skipped", "opened", "clicked", "connection_accepted",
                 "replied", "auto_replied", "bounced", "unsubscribed", "task_done")  # fmt: skip


def as_text(document: Mapping[str, Any]) -> str:
    """One run, for a terminal of 100 columns or a file."""
    parts = [
        _head(document),
        _calendar(document),
        _steps(document["steps"]),
        _ends(document),
        _limits(document),
        _resting(document),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns of aligned text: words to the left, numbers to the right, zeros as a dot."""
    cells = [[cell_text(value) for value in row] for row in rows]
    numeric = [bool(rows) and all(isinstance(row[n], int) for row in rows)
               for n in range(len(columns))]  # fmt: skip
    widths = [
        max(len(column), *(len(row[n]) for row in cells)) if cells else len(column)
        for n, column in enumerate(columns)
    ]

    def line(values: Sequence[str]) -> str:
        aligned = [
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, numeric, strict=True)
        ]
        return "  ".join(aligned).rstrip()

    rule = "  ".join("─" * width for width in widths)
    return "\n".join([line(columns), rule, *(line(row) for row in cells)])


def cell_text(value: Any) -> str:
    """One cell; without control characters, which must not steer a terminal."""
    if isinstance(value, int):
        return f"{value:,}" if value else "·"
    return "".join(c if c.isprintable() else "�" for c in str(value))


def day_text(day: str) -> str:
    """`Mon 2026-11-23`."""
    return f"{date.fromisoformat(day):%a} {day}"


def finish_text(document: Mapping[str, Any]) -> str:
    """When the last enrollment ends, or how many are still under way."""
    if document["finish"]:
        return f"all ended by {datetime.fromisoformat(document['finish']):%Y-%m-%d %H:%M} UTC"
    under_way = document["active"] + document["paused"]
    if not under_way:
        return "nobody was enrolled"
    return f"{under_way:,} had not ended after {document['days']} days"


def used(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """The columns in which any row has something."""
    return [column for column in columns if any(row[column] for row in rows)]


def title_of(column: str) -> str:
    """What a column is called."""
    return _SHORT.get(column, column)


def _head(document: Mapping[str, Any]) -> str:
    touches, refused = document["touches"], document["refused"]
    left_out = ", ".join(f"{count:,} {verdict}" for verdict, count in refused.items())
    channels = ", ".join(f"{name} {count:,}" for name, count in touches["by_channel"].items())
    lines = [
        f"{document['cadence']}: {document['enrolled']:,} of {document['rows']:,} rows enrolled"
        + (f" ({left_out})" if left_out else "")
        + f", {document['days']} days from {day_text(document['start'])}, seed {document['seed']}",
        f"{touches['sent']:,} touches ({channels or 'none'}), {document['tasks']:,} tasks; "
        + finish_text(document),
    ]
    for name, step in (("waiting for something from outside", document["waiting"]),
                       ("held for a person", document["held"]),
                       ("moved on to", document["moved_on"])):  # fmt: skip
        if step:
            told = ", ".join(f"{count:,} {what}" for what, count in step.items())
            lines.append(f"{name}: {told}")
    return "\n".join(lines)


def _calendar(document: Mapping[str, Any]) -> str:
    days = document["calendar"]
    channels = used(CHANNELS, days)
    totals = [sum(day[channel] for channel in channels) for day in days]
    most = max(totals, default=0) or 1
    rows = [
        [day_text(day["day"]), day["enrolled"], *(day[c] for c in channels), total,
         "█" * -(-total * _BAR_WIDTH // most)]
        for day, total in zip(days, totals, strict=True)
    ]  # fmt: skip
    return table(["day", "enrolled", *map(title_of, channels), "all", ""], rows)


def _steps(steps: Sequence[Mapping[str, Any]]) -> str:
    columns = used(_STEP_COLUMNS, steps)
    rows = [[step["step"], step["kind"], *(step[c] for c in columns)] for step in steps]
    return table(["step", "kind", *map(title_of, columns)], rows) if rows else ""


def _ends(document: Mapping[str, Any]) -> str:
    enrolled = document["enrolled"] or 1
    ends = dict(document["ends"])
    if document["active"]:
        ends["still active"] = document["active"]
    if document["paused"]:
        ends["paused"] = document["paused"]
    rows = [
        [
            outcome,
            count,
            f"{100 * count / enrolled:.1f} %",
            "█" * -(-count * _BAR_WIDTH // enrolled),
        ]
        for outcome, count in ends.items()
    ]
    return table(["end", "enrollments", "share", ""], rows) if rows else ""


def _limits(document: Mapping[str, Any]) -> str:
    if not document["limits"]:
        return "No limit held anything up."
    rows = [[row["account"], row["rule"], row["deferred"]] for row in document["limits"]]
    late = document["late"]
    told = (
        f"{late['touches']:,} touches were late: half of them by up to "
        f"{span(late['p50_minutes'])}, 90 % by up to {span(late['p90_minutes'])}, "
        f"99 % by up to {span(late['p99_minutes'])}, the last by {span(late['most_minutes'])}."
    )
    return table(["account", "what held it", "times put off"], rows) + "\n" + told


def _resting(document: Mapping[str, Any]) -> str:
    rows = [
        [
            row["account"],
            row["at"][:16].replace("T", " "),
            row["reason"],
            row["bounced"],
            row["sent"],
        ]
        for row in document["resting"]
    ]
    return (
        table(["account that pauses", "from (UTC)", "why", "bounced", "of"], rows) if rows else ""
    )


def span(minutes: int) -> str:
    """`3 d 4 h`, `2 h 5 min`, `12 min`."""
    days, rest = divmod(minutes, 1440)
    hours, rest = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min"
