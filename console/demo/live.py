"""Live progress of a run: the date in the time-lapse, touches, events, lag."""

import time
from collections.abc import Mapping
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cadenza.storage.database import Database
from cadenza.storage.report import Progress, progress

_REFRESH_SECONDS = 0.5


class LiveView:
    """Shows progress on a terminal in place, elsewhere as one line a day."""

    def __init__(
        self, console: Console, database: Database, start: datetime, until: datetime
    ) -> None:
        self._console = console
        self._database = database
        self._start = start
        self._until = until
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._began = time.monotonic()
        self._shown_at = 0.0
        self._shown_day: object = None

    def __enter__(self) -> "LiveView":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    async def update(self, now: datetime) -> None:
        """Called often; looks and draws twice a second at the most."""
        new_day = now.date() != self._shown_day
        if self._console.is_terminal:
            if time.monotonic() - self._shown_at < _REFRESH_SECONDS:
                return
        elif not new_day:
            return
        self._shown_at, self._shown_day = time.monotonic(), now.date()
        async with self._database.connection() as db:
            figures = await progress(db, now)
        if self._console.is_terminal:
            self._live.update(self._drawn(now, figures), refresh=True)
        else:
            self._console.print(self._line(now, figures))

    def _drawn(self, now: datetime, figures: Progress) -> RenderableType:
        total = (self._until - self._start).total_seconds()
        done = (now - self._start).total_seconds()
        table = Table.grid(padding=(0, 2))
        table.add_row("touches", Text(_counts(figures.sent_by_channel), style="green"))
        table.add_row("events", Text(_counts(figures.events)))
        table.add_row("planned", f"{figures.planned:,}   open tasks {figures.open_tasks:,}")
        table.add_row("lag", f"{figures.mean_lag_minutes:.0f} min on average today")
        date = Text(f"{now:%A} {now.day} {now:%B %Y  %H:%M} UTC", style="bold cyan")
        elapsed = Text(f"{time.monotonic() - self._began:5.1f} s", style="dim")
        return Group(Text.assemble(date, "   ", elapsed), ProgressBar(total, done, width=60), table)

    def _line(self, now: datetime, figures: Progress) -> str:
        return (
            f"{now:%Y-%m-%d}  touches {sum(figures.sent_by_channel.values()):>6,}  "
            f"events {sum(figures.events.values()):>6,}  planned {figures.planned:>5,}  "
            f"{time.monotonic() - self._began:5.1f} s"
        )


def _counts(by_name: Mapping[str, int]) -> str:
    return "   ".join(f"{name} {count:,}" for name, count in by_name.items()) or "none yet"
