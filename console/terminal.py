"""How commands show things: tables for people, JSON for programs, times in words."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cadenza.timespec import zone_info

# Where nobody sees it wrap, a table keeps its lines whole.
_WIDTH_IN_PIPES = 200
_STATUS_STYLES = {
    "active": "green",
    "paused": "yellow",
    "unknown": "yellow",
    "failed": "red",
    "open": "green",
    "rejected": "red",
}


def screen() -> Console:
    """Standard output."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH_IN_PIPES, highlight=False)


def show_json(document: Any) -> None:
    """Print a document; moments as ISO 8601."""
    text = json.dumps(document, ensure_ascii=False, indent=2, default=_told)
    sys.stdout.write(text + "\n")


def _told(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not for JSON")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> RenderableType:
    """A table; numbers are right-aligned, None is a dot. Cells are plain text, never markup."""
    drawn = Table(show_edge=False)
    for n, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[n], int | None) for row in rows)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(cell(value) for value in row))
    return Group(Text(title, style="bold"), drawn)


def cell(value: Any) -> Text:
    """A value for a table or a line; words that call for attention have their colour."""
    if value is None or value == "":
        return Text("·", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, int):
        return Text(f"{value:,}")
    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M}")
    return Text(_printable(str(value)), style=_STATUS_STYLES.get(str(value), ""))


def facts(pairs: Mapping[str, Any]) -> Table:
    """Names and values below each other; those without a value are left out."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, value in pairs.items():
        if value not in (None, ""):
            grid.add_row(name, cell(value))
    return grid


def both_times(moment: datetime, zone: str) -> str:
    """`Mon 2026-03-02 09:14 Europe/Paris (08:14 UTC)`, with the date again where it differs."""
    local, moment = moment.astimezone(zone_info(zone)), moment.astimezone(UTC)
    utc = f"{moment:%H:%M}" if local.date() == moment.date() else f"{moment:%Y-%m-%d %H:%M}"
    return f"{local:%a %Y-%m-%d %H:%M} {zone} ({utc} UTC)"


def counted(count: int, what: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def span(length: timedelta) -> str:
    """`3 d 4 h`, `12 min`, `8 s`: the two largest units."""
    seconds = int(abs(length.total_seconds()))
    units = [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)]
    for n, (unit, size) in enumerate(units):
        if seconds >= size:
            told = f"{seconds // size} {unit}"
            if n + 1 < len(units) and (rest := seconds % size // units[n + 1][1]) and size > 60:
                told += f" {rest} {units[n + 1][0]}"
            return told
    return "0 s"


def _printable(text: str) -> str:
    """Without control characters: what prospects are called must not steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)
