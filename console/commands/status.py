"""`cadenza status`: how everything stands."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Annotated, Any

import typer

from cadenza.accounts import Accounts
from cadenza.errors import UnknownName
from cadenza.pacing.account_day import account_day
from cadenza.storage import cadences, quotas
from cadenza.storage import status as figures
from cadenza.storage.database import Connection
from cadenza.storage.status import (
    Backlog,
    BatchCount,
    EnrollmentCount,
    OverdueCount,
    PauseCount,
    PlannedCount,
    TaskCount,
)
from console.session import run, session
from console.terminal import facts, screen, show_json, span, table

CadenceName = Annotated[str | None, typer.Option("--cadence", help="Only this cadence.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, kw_only=True)
class AccountUse:
    """A sender account's day. cap: touches that it may send in it."""

    account: str
    channel: str
    used: int
    cap: int


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One look. With a cadence, what belongs to none is still of the whole deployment.

    fence: why nothing is sent at all; None if it may be.
    """

    at: datetime
    cadence: str | None
    enrollments: Sequence[EnrollmentCount]
    paused: Sequence[PauseCount]
    planned: Sequence[PlannedCount]
    overdue: Sequence[OverdueCount]
    tasks: Sequence[TaskCount]
    batches: Sequence[BatchCount]
    backlog: Backlog
    accounts: Sequence[AccountUse]
    fence: str | None = None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(cadence: CadenceName = None, as_json: Json = False) -> None:
    """Show enrollments, what is planned, what is late and why, tasks and sender accounts."""
    seen = run(_look(cadence))
    if as_json:
        show_json(asdict(seen))
    else:
        _show(seen)


async def _look(cadence: str | None) -> Standing:
    async with session() as here, here.database.snapshot() as db:
        if cadence is not None and await cadences.newest(db, cadence) is None:
            known = ", ".join(await cadences.names(db)) or "none was applied yet"
            raise UnknownName(f"there is no cadence {cadence!r}; known: {known}")
        standing = await read_standing(db, here.accounts, here.clock.now(), cadence)
        return replace(standing, fence=await here.fence.closed(db))


async def read_standing(
    db: Connection, accounts: Accounts, now: datetime, cadence: str | None = None
) -> Standing:
    """Look at everything."""
    days = {a.id: account_day(accounts, a, now) for a in accounts.accounts}
    used = await quotas.used(db, [place for place, _ in days.values()])
    return Standing(
        at=now,
        cadence=cadence,
        enrollments=await figures.enrollment_counts(db, cadence),
        paused=await figures.pause_counts(db, cadence),
        planned=await figures.planned_counts(db, now, cadence),
        overdue=await figures.overdue_counts(db, now, cadence),
        tasks=await figures.task_counts(db, now, cadence),
        batches=await figures.batch_counts(db),
        backlog=await figures.backlog(db),
        accounts=[
            AccountUse(account=a.id, channel=a.channel, used=used.get(place, 0), cap=cap)
            for a in accounts.accounts
            for place, cap in (days[a.id],)
        ],
    )


def _show(seen: Standing) -> None:
    shown = screen()
    shown.print(f"{seen.at:%A %Y-%m-%d %H:%M} UTC\n")
    if seen.fence is not None:
        shown.print(f"[bold red]nothing is sent:[/] {seen.fence}\n")
    for title, columns, rows in _tables(seen):
        if rows:
            shown.print(table(title, columns, rows))
            shown.print()
    shown.print(facts(_backlog(seen)))


def _tables(seen: Standing) -> Sequence[tuple[str, Sequence[str], Sequence[Sequence[Any]]]]:
    now = seen.at
    return [
        (
            "Enrollments",
            ("cadence", "state", "outcome", "count"),
            [(e.cadence, e.status, e.outcome, e.count) for e in seen.enrollments],
        ),
        (
            "Paused",
            ("cadence", "reason", "count"),
            [(p.cadence, p.reason, p.count) for p in seen.paused],
        ),
        (
            "Planned",
            ("channel", "count", "next (UTC)"),
            [(p.channel, p.count, p.next_due) for p in seen.planned],
        ),
        (
            "Late, and why",
            ("channel", "reason", "count", "late by up to", "next try (UTC)"),
            [
                (o.channel, o.reason or "next in the queue", o.count, span(now - o.oldest),
                 o.next_due)
                for o in seen.overdue
            ],
        ),
        (
            "Being sent",
            ("channel", "state", "batches", "touches", "since (UTC)"),
            [(b.channel, b.state, b.count, b.touches, b.oldest) for b in seen.batches],
        ),
        (
            "Open tasks",
            ("owner", "open", "overdue"),
            [(t.owner, t.open, t.overdue) for t in seen.tasks],
        ),
        (
            "Sender accounts today",
            ("account", "channel", "used", "cap"),
            [(a.account, a.channel, a.used, a.cap) for a in seen.accounts],
        ),
    ]  # fmt: skip


def _backlog(seen: Standing) -> Mapping[str, Any]:
    waiting = seen.backlog
    since = (
        f", the first for {span(seen.at - waiting.events_oldest)}" if waiting.events_oldest else ""
    )
    return {
        "events to apply": f"{waiting.events:,}{since}",
        "notifications": f"{waiting.notifications:,} waiting, "
        f"{waiting.notifications_failed:,} failed",
        "unknown touches": f"{waiting.unknown_touches:,}",
    }
