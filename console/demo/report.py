"""What a run came to: report.json, the table per step, the witness's verdict."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cadenza.model import EventType
from cadenza.storage.report import StepFigures, Totals
from console.auditing import AuditReport
from console.demo.witness import Verdict

_FONT_FACE = re.compile(r"@font-face \{.*?\}", re.DOTALL)
_COLUMNS = (
    (EventType.DELIVERED, "delivered"),
    (EventType.OPENED, "opened"),
    (EventType.CLICKED, "clicked"),
    (EventType.CONNECTION_ACCEPTED, "accepted"),
    (EventType.REPLIED, "replied"),
    (EventType.BOUNCED, "bounced"),
    (EventType.UNSUBSCRIBED, "opted out"),
    (EventType.MEETING_BOOKED, "meetings"),
)


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """Everything that a run came to. by_hand: what an ops person did; empty if there was none."""

    start: datetime
    days: int
    elapsed_seconds: float
    steps: Sequence[StepFigures]
    totals: Totals
    verdict: Verdict
    audit: AuditReport
    by_hand: Mapping[str, int]

    @property
    def lost(self) -> int:
        """Touches that should have been witnessed and were not, or that wait for nothing."""
        return self.verdict.lost + self.totals.stuck + self.totals.overdue_without_reason

    @property
    def is_clean(self) -> bool:
        """Nothing lost, nothing twice, no rule broken."""
        return self.lost == 0 and self.verdict.duplicates == 0 and self.audit.violations == 0

    def as_json(self) -> dict[str, Any]:
        """The document that scripts read."""
        totals = self.totals
        return {
            "prospects": totals.prospects,
            "start": self.start.date().isoformat(),
            "days": self.days,
            "elapsed_seconds": round(self.elapsed_seconds, 2),
            "touches": {
                "sent": sum(totals.sent_by_channel.values()),
                "by_channel": dict(totals.sent_by_channel),
            },
            "tasks": totals.tasks,
            "events": dict(totals.events),
            "rejected_rows": totals.rejected_rows,
            "witness": {
                "lost": self.lost,
                "duplicates": self.verdict.duplicates,
                "unknown": totals.unknown + totals.reconciled,
                "received": dict(self.verdict.received),
            },
            "audit": self.audit.as_json(),
            "deferred": dict(totals.deferred_by_reason),
            "accounts_used": totals.accounts_used,
            "time_zones": totals.time_zones,
            "by_hand": dict(self.by_hand),
        }

    def write(self, path: Path) -> None:
        """Write report.json."""
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")

    def draw(self, path: Path) -> None:
        """Draw the table and the verdict into an SVG file."""
        canvas = Console(record=True, width=130, file=StringIO(), highlight=False)
        canvas.print(
            f"[bold]{self.days} days in {self.elapsed_seconds:.0f} seconds:[/] "
            f"{self.totals.prospects:,} prospects, "
            f"{sum(self.totals.sent_by_channel.values()):,} touches, {self.totals.tasks:,} tasks\n"
        )
        self.show(canvas)
        drawn = canvas.export_svg(title="make demo")
        # The viewer's own fonts will do: a picture should fetch nothing.
        path.write_text(_FONT_FACE.sub("", drawn), encoding="utf-8")

    def show(self, console: Console) -> None:
        """Print the table and the verdict."""
        console.print(self._table())
        sent = sum(self.totals.sent_by_channel.values())
        received = sum(self.verdict.received.values())
        unknown = self.totals.unknown + self.totals.reconciled
        console.print(
            f"\n[bold]The outside world's own ledger:[/] received {received:,} messages; "
            f"Cadenza's ledger: sent {sent:,}, unknown {unknown}.\n"
            f"  lost {_zero(self.lost)}   duplicates {_zero(self.verdict.duplicates)}"
        )
        console.print(
            f"[bold]The audit, from Cadenza's ledger alone:[/] {self.audit.touches:,} touches from "
            f"{self.totals.accounts_used} accounts to people in {self.totals.time_zones} time zones"
            f"{_told_of(self.by_hand)}"
        )
        for name, count in self.audit.as_json().items():
            console.print(f"  {name.replace('_', ' ')} {_zero(count)}", end="")
        console.print()
        for example in self.verdict.examples:
            console.print(f"  [red]{example}[/]")

    def _table(self) -> Table:
        table = Table(title="What became of each step", title_justify="left", title_style="bold")
        table.add_column("step")
        table.add_column("channel")
        table.add_column("sent", justify="right")
        shown = [(t, title) for t, title in _COLUMNS if any(s.events.get(t) for s in self.steps)]
        for _, title in shown:
            table.add_column(title, justify="right")
        for step in self.steps:
            table.add_row(
                step.step,
                step.channel,
                f"{step.sent + step.unknown:,}",
                *(_count(step.events.get(event_type, 0)) for event_type, _ in shown),
            )
        table.add_section()
        table.add_row(
            "all",
            "",
            f"{sum(s.sent + s.unknown for s in self.steps):,}",
            *(_count(sum(s.events.get(t, 0) for s in self.steps)) for t, _ in shown),
        )
        return table


def _told_of(by_hand: Mapping[str, int]) -> str:
    if not by_hand:
        return ""
    return (
        f"; by hand {by_hand['accounts_paused']} accounts and {by_hand['enrollments_paused']} "
        f"enrollments were paused, and {by_hand['accounts_let_go_on']} accounts let go on "
        "that rested by themselves"
    )


def _count(number: int) -> str:
    return f"{number:,}" if number else "·"


def _zero(number: int) -> str:
    return f"[green]{number}[/]" if number == 0 else f"[bold red]{number}[/]"
