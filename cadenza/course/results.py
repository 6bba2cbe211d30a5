"""Writes what became of a batch, all of it in one transaction, fenced by the epoch.

Used by the worker that delivered it and by the scheduler that settles it
after a crash: both end with the same rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cadenza.accounts import Accounts
from cadenza.clock import Clock
from cadenza.course import overdue
from cadenza.course.course import Course, Happening
from cadenza.model import Event, Occurrence, TouchId, TouchStatus, VersionId
from cadenza.slots.planning import Anew
from cadenza.storage import (
    batches,
    due,
    enrollments,
    events,
    ledger,
    quotas,
    rollups,
    sticky_accounts,
    turns,
)
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.database import Connection
from cadenza.storage.due import DueTouch
from cadenza.storage.sticky_accounts import Sticky


@dataclass
class Results:
    """What became of each touch of a batch.

    entries: happened, for the ledger. back: put off, with new times and
    reasons. skipped: will not happen though the cadence goes on (no
    address on the channel). paused: cannot be rendered; a person must look.
    overdue: will not happen either, because they would come too late.
    bounces: what providers said of recipients, as events. Touches
    in none of these are not wanted any more. anew: of touches whose account
    keeps a gap, what another time is looked for with.
    """

    entries: list[ledger.Entry] = field(default_factory=list)
    back: list[DueTouch] = field(default_factory=list)
    skipped: list[tuple[DueTouch, VersionId]] = field(default_factory=list)
    paused: list[tuple[DueTouch, str]] = field(default_factory=list)
    overdue: list[tuple[DueTouch, VersionId]] = field(default_factory=list)
    bounces: list[Event] = field(default_factory=list)
    anew: dict[TouchId, Anew] = field(default_factory=dict)


async def commit(
    tx: Connection,
    batch: ClaimedBatch,
    results: Results,
    course: Course,
) -> None:
    """Record `results` and end the batch. Raises StaleLease if somebody else has taken it."""
    ground = course.ground
    catalog, accounts, clock = ground.catalog, ground.accounts, ground.clock
    reserved = await batches.fence(tx, batch)
    happenings = _happenings(results, clock)
    if results.back:
        # What is put back and what goes on are locked in one order, as everywhere.
        back = {touch.enrollment_id for touch in results.back}
        await enrollments.hold(tx, sorted(back.union(h.enrollment_id for h in happenings)))
    await ledger.record(tx, results.entries, clock.now())
    if accounts.organisation.person_gap:
        await turns.settle(tx, [t.touch_id for t in batch.touches], _began(results.entries))
    await events.record(tx, results.bounces, clock.now())
    tally = await course.apply(tx, happenings)
    # Times of accounts are held after everything that a move into another cadence holds.
    await due.put_back(tx, await ground.pacer.again(tx, results.back, results.anew))
    await sticky_accounts.note(tx, _touched_from(results.entries, accounts))
    await quotas.give_back(tx, quotas.unused(reserved, _gone(results.entries)))
    await batches.finish(tx, batch.batch_id)
    passed_over = [*results.skipped, *results.overdue]
    versions = {e.version_id for e in results.entries} | {v for _, v in passed_over}
    await catalog.load(tx, versions)
    for entry in results.entries:
        name = catalog[entry.version_id].name
        tally[name, entry.touch.step, entry.touch.channel, entry.status] += 1
    for touch in results.back:
        tally["", "", touch.channel, f"deferred:{touch.reason}"] += 1
        if touch.reason == overdue.REASON:
            tally["", "", touch.channel, "overdue:reflowed"] += 1
    for touch, version_id in passed_over:
        tally[catalog[version_id].name, touch.step, touch.channel, "skipped"] += 1
    for touch, _ in results.overdue:
        tally["", "", touch.channel, "overdue:skipped"] += 1
    await rollups.add(tx, tally)


def _happenings(results: Results, clock: Clock) -> Sequence[Happening]:
    now = clock.now()
    happenings = [
        _about(
            entry.touch,
            # An unknown touch counts as sent for the course: it may have arrived,
            # and going on is better than saying the same thing twice.
            "failed" if entry.status is TouchStatus.FAILED else "sent",
            entry.began_at or now,
        )
        for entry in results.entries
    ]
    happenings += [_about(touch, "skipped", now) for touch, _ in results.skipped]
    happenings += [
        _about(touch, "skipped", now, reason=overdue.REASON) for touch, _ in results.overdue
    ]
    happenings += [_about(touch, "paused", now, reason=reason) for touch, reason in results.paused]
    return happenings


def _about(touch: DueTouch, kind: str, at: datetime, **data: str) -> Happening:
    return Happening(
        enrollment_id=touch.enrollment_id,
        occurrence=Occurrence(
            kind=kind, at=at, step=touch.step, data={"visit": touch.visit, **data}
        ),
    )


def _began(entries: Sequence[ledger.Entry]) -> Mapping[TouchId, datetime | None]:
    """When the touches began that reached their people, or may have."""
    return {
        entry.touch.touch_id: entry.began_at
        for entry in entries
        if entry.status is not TouchStatus.FAILED
    }


def _touched_from(
    entries: Sequence[ledger.Entry], accounts: Accounts
) -> Iterator[tuple[Sticky, str]]:
    """From which account of which group people were touched."""
    for entry in entries:
        account = accounts.account_by_id.get(entry.touch.account or "")
        if account is not None and entry.status is not TouchStatus.FAILED:
            yield (entry.prospect_id, account.channel, account.group), account.id


def _gone(entries: Sequence[ledger.Entry]) -> Sequence[TouchId]:
    """The touches that left, or may have: their places under the caps are used."""
    return [
        entry.touch.touch_id
        for entry in entries
        if entry.began_at is not None or entry.status is TouchStatus.UNKNOWN
    ]
