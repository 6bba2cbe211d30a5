"""A simulation as one HTML page: nothing is fetched, everything is escaped, light and dark."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from console.simulate.document import CHANNELS
from console.simulate.text import cell_text, day_text, finish_text, span, title_of, used
from console.simulate.versions import calendar, channels_of, names_of, signed, totals

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --dim: #66727f; --line: #d8dee4; --paper: #fff;
  --email: #2f6fdf; --sms: #1a936f; --social: #b45fd6; --webhook: #8a8f98; --task: #e08a1e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --dim: #98a4b0; --line: #38424c; --paper: #14191e; } }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; color: var(--dim); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { color: var(--dim); font-weight: 500; }
th:first-child, td:first-child, .word { text-align: left; }
.bar { display: flex; width: 24rem; height: .8rem; } .bar span { display: block; height: 100%; }
.email { background: var(--email); } .sms { background: var(--sms); }
.social { background: var(--social); } .webhook { background: var(--webhook); }
.task { background: var(--task); } .legend span { display: inline-block; width: .8rem;
  height: .8rem; margin: 0 .3rem 0 1rem; vertical-align: -.05rem; }
"""

_STEP_COLUMNS = ("sent", "tasks", "failed", "skipped", "opened", "clicked", "connection_accepted",
                 "replied", "auto_replied", "bounced", "unsubscribed", "task_done")  # fmt: skip


def as_page(document: Mapping[str, Any]) -> str:
    """The page of one run."""
    days = document["calendar"]
    channels = used(CHANNELS, days)
    most = max((sum(day[c] for c in channels) for day in days), default=0) or 1
    rows = [
        [
            day_text(day["day"]),
            day["enrolled"],
            *(day[c] for c in channels),
            _bar(day, channels, most),
        ]
        for day in days
    ]
    columns = used(_STEP_COLUMNS, document["steps"])
    steps = [[s["step"], s["kind"], *(s[c] for c in columns)] for s in document["steps"]]
    ends = [[name, count] for name, count in document["ends"].items()]
    ends += [[n, document[n]] for n in ("active", "paused") if document[n]]
    late = document["late"]
    parts = [
        _heading(document["cadence"], document),
        f"<p>{escape(_numbers(document))}</p>",
        "<h2>Day by day</h2>",
        _legend(channels),
        _table(["day", "enrolled", *map(title_of, channels), ""], rows),
        "<h2>Step by step</h2>",
        _table(["step", "kind", *map(title_of, columns)], steps, words=2),
        "<h2>How enrollments ended</h2>",
        _table(["end", "enrollments"], ends),
        "<h2>What held touches up</h2>",
    ]
    if document["limits"]:
        limits = [[row["account"], row["rule"], row["deferred"]] for row in document["limits"]]
        parts.append(_table(["account", "rule", "times put off"], limits, words=2))
        parts.append(
            f"<p>{late['touches']:,} touches were late: half by up to "
            f"{span(late['p50_minutes'])}, 90 % by up to {span(late['p90_minutes'])}, "
            f"the last by {span(late['most_minutes'])}.</p>"
        )
    else:
        parts.append("<p>No limit held anything up.</p>")
    if document["resting"]:
        rests = [[row["account"], row["at"][:16].replace("T", " "), row["reason"],
                  row["bounced"], row["sent"]] for row in document["resting"]]  # fmt: skip
        parts.append("<h2>Accounts that pause by themselves</h2>")
        parts.append(_table(["account", "from (UTC)", "why", "bounced", "of"], rests, words=3))
    return _page(f"{document['cadence']}: a simulation", parts)


def compared_as_page(document: Mapping[str, Any]) -> str:
    """The page of two runs side by side."""
    this, other = document["this"], document["other"]
    names = names_of(this, other)
    figures = [
        [what, mine, theirs, signed(mine - theirs)] for what, mine, theirs in totals(this, other)
    ]
    channels = channels_of(this, other)
    lines = calendar(this, other)
    most = max((sum(c.get(n, 0) for n in channels) for _, *two in lines for c in two), default=1)
    days = [
        [day_text(day), *(cell for counts in (mine, theirs)
                          for cell in (sum(counts.get(c, 0) for c in channels),
                                       _bar(counts, channels, most or 1)))]
        for day, mine, theirs in lines
    ]  # fmt: skip
    parts = [
        f"<h1>{escape(names[0])} and {escape(names[1])}</h1>",
        f"<p>A: {escape(names[0])}: {escape(finish_text(this))}</p>",
        f"<p>B: {escape(names[1])}: {escape(finish_text(other))}</p>",
        "<h2>Totals</h2>",
        _table(["", "A", "B", "A − B"], figures),
        "<h2>Day by day</h2>",
        _legend(channels),
        _table(["day", "A", "", "B", ""], days),
    ]
    return _page(f"{names[0]} and {names[1]}: two simulations", parts)


class _Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def _page(title: str, parts: Sequence[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _heading(name: str, document: Mapping[str, Any]) -> str:
    told = (
        f"{document['enrolled']:,} of {document['rows']:,} rows enrolled, {document['days']} days "
        f"from {day_text(document['start'])}, seed {document['seed']}; days of "
        f"{document['time_zone']}"
    )
    return f"<h1>{escape(name)}</h1><p>{escape(told)}</p>"


def _numbers(document: Mapping[str, Any]) -> str:
    sent, tasks = document["touches"]["sent"], document["tasks"]
    return f"{sent:,} touches, {tasks:,} tasks; {finish_text(document)}"


def _legend(channels: Sequence[str]) -> str:
    marks = [f'<span class="{c}"></span>{escape(title_of(c))}' for c in channels]
    return f'<p class="legend">{"".join(marks)}</p>'


def _bar(counts: Mapping[str, Any], channels: Sequence[str], most: int) -> _Markup:
    pieces = [
        f'<span class="{c}" style="width:{100 * counts[c] / most:.2f}%" '
        f'title="{escape(title_of(c))} {counts[c]}"></span>'
        for c in channels
        if counts.get(c)
    ]
    return _Markup(f'<div class="bar">{"".join(pieces)}</div>')


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, words: int = 1) -> str:
    """words: how many columns at the left hold words."""
    head = "".join(f"<th{_class(n, words)}>{escape(c)}</th>" for n, c in enumerate(columns))
    body = "\n".join(
        "<tr>"
        + "".join(f"<td{_class(n, words)}>{_cell(v)}</td>" for n, v in enumerate(row))
        + "</tr>"
        for row in rows
    )
    filled = f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"
    return f'<div class="wide">{filled}</div>'


def _class(n: int, words: int) -> str:
    return ' class="word"' if n < words else ""


def _cell(value: Any) -> str:
    return value if isinstance(value, _Markup) else escape(cell_text(value))
