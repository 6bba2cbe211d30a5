"""Writes what became of a batch, all of it in one transaction, fenced by the epoch.

Used by the worker that delivered it and by the scheduler that settles it
after a crash: both end with the same rows.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.course import Course, Happening
from cadenza.model import Event, Occurrence, TouchStatus, VersionId
from cadenza.storage import batches, due, enrollments, events, ledger, rollups
from cadenza.storage.batches import ClaimedBatch, Reserved
from cadenza.storage.database import Connection
from cadenza.storage.due import DueTouch


@dataclass
class Results:
    """What became of each touch of a batch.

    entries: happened, for the ledger. back: put off, with new times and
    reasons. skipped: will not happen though the cadence goes on (no
    address on the channel). paused: cannot be rendered; a person must look.
    bounces: what providers said of invalid recipients, as events. Touches
    in none of these are not wanted any more.
    """

    entries: list[ledger.Entry] = field(default_factory=list)
    back: list[DueTouch] = field(default_factory=list)
    skipped: list[tuple[DueTouch, VersionId]] = field(default_factory=list)
    paused: list[tuple[DueTouch, str]] = field(default_factory=list)
    bounces: list[Event] = field(default_factory=list)


async def commit(
    tx: Connection,
    batch: ClaimedBatch,
    results: Results,
    *,
    course: Course,
    catalog: Catalog,
    clock: Clock,
) -> None:
    """Record `results` and end the batch. Raises StaleLease if somebody else has taken it."""
    reserved = await batches.fence(tx, batch)
    happenings = _happenings(results, clock)
    if results.back:
        # What is put back and what goes on are locked in one order, as everywhere.
        back = {touch.enrollment_id for touch in results.back}
        await enrollments.hold(tx, sorted(back.union(h.enrollment_id for h in happenings)))
    await ledger.record(tx, results.entries, clock.now())
    await due.put_back(tx, results.back)
    await events.record(tx, results.bounces, clock.now())
    tally = await course.apply(tx, happenings)
    await batches.give_back(tx, _unused(reserved, results.entries))
    await batches.finish(tx, batch.batch_id)
    versions = {e.version_id for e in results.entries} | {v for _, v in results.skipped}
    await catalog.load(tx, versions)
    for entry in results.entries:
        name = catalog[entry.version_id].name
        tally[name, entry.touch.step, entry.touch.channel, entry.status] += 1
    for touch in results.back:
        tally["", "", touch.channel, f"deferred:{touch.reason}"] += 1
    for touch, version_id in results.skipped:
        tally[catalog[version_id].name, touch.step, touch.channel, "skipped"] += 1
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
    happenings += [_about(touch, "paused", now, reason=reason) for touch, reason in results.paused]
    return happenings


def _about(touch: DueTouch, kind: str, at: datetime, **data: str) -> Happening:
    return Happening(
        enrollment_id=touch.enrollment_id,
        occurrence=Occurrence(
            kind=kind, at=at, step=touch.step, data={"visit": touch.visit, **data}
        ),
    )


def _unused(reserved: Reserved, entries: Sequence[ledger.Entry]) -> Reserved:
    used = Counter(entry.touch.account for entry in entries)
    taken: Counter[tuple[str, date]] = Counter()
    for account, day, count in reserved:
        taken[account, day] += count
    # A batch is over in seconds: only around midnight does an account have two days in it.
    return [(account, day, count - used[account]) for (account, day), count in taken.items()]
