"""Applies stored events: finds whom they are about, suppresses, advances, notifies."""

from collections.abc import Iterable, Mapping, Sequence

import structlog

from cadenza.accounts.states import judge_health
from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.course.course import Course, Happening
from cadenza.errors import traced
from cadenza.model import (
    EnrollmentId,
    EventType,
    Occurrence,
)
from cadenza.signals.reacting import Reacting, whose_turn_it_is
from cadenza.storage import (
    account_pauses,
    enrollments,
    events,
    ledger,
    rollups,
    suppressions,
)
from cadenza.storage.database import Connection, Database, is_passing
from cadenza.storage.events import StoredEvent
from cadenza.storage.rollups import Tally
from cadenza.storage.suppressions import Ban
from cadenza.suppression.meanwhile import end_forbidden
from cadenza.suppression.suppressing import SUPPRESSING, suppress, suppression_key
from workers.heard import by_machine, occurrences_of
from workers.resolve_events import Resolved, in_flight, names_a_touch, resolve

log = structlog.get_logger(__name__)

_GROUP = 200
# What names a touch mostly names one that exists, so its commit is merely not done
# yet; after so many attempts, in three minutes, it has to be in a batch to be waited for.
_MOST_ATTEMPTS = 12
_FIRST_WAIT_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 60.0
_SET_ASIDE_SECONDS = 60.0
_LONGEST_ASIDE_SECONDS = 3600.0

# What an account is paused for, if there is too much of it.
_TROUBLE = (EventType.BOUNCED, EventType.COMPLAINED)

# What shows that an unknown touch did arrive.
_EVIDENCE = frozenset(EventType) - {
    EventType.TASK_DONE, EventType.MEETING_BOOKED, EventType.GOAL, EventType.SIGNAL,
}  # fmt: skip


class EventApplier:
    """Empties the inbox. Any number of appliers may run at once."""

    def __init__(
        self, *, database: Database, course: Course, catalog: Catalog, clock: Clock
    ) -> None:
        self._database = database
        self._course = course
        self._catalog = catalog
        self._clock = clock
        self._reacting = Reacting(course)

    async def apply_all(self) -> int:
        """Apply until nothing is left that can be applied now; returns how many were."""
        total = 0
        while True:
            try:
                count = await self._apply_together()
            except Exception as error:
                if is_passing(error):
                    raise
                count = await self._apply_apart()
            total += count
            if count < _GROUP:
                return total

    async def _apply_together(self) -> int:
        async with self._database.transaction() as tx:
            taken = await events.take(tx, _GROUP)
            begun = await self._apply(tx, taken) if taken else ()
        await end_forbidden(self._database, self._course, begun)
        return len(taken)

    async def _apply_apart(self) -> int:
        """Each in a transaction of its own: one that cannot be applied must not hold up the rest.

        It is kept, and tried again less and less often.
        """
        async with self._database.connection() as db:
            waiting = await events.waiting(db, _GROUP)
        for event_id in waiting:
            try:
                async with self._database.transaction() as tx:
                    begun = await self._apply(tx, await events.take(tx, 1, event_id=event_id))
                await end_forbidden(self._database, self._course, begun)
            except Exception as error:
                if is_passing(error):
                    raise
                log.error("event_cannot_be_applied", event_id=event_id, error=traced(error))
                async with self._database.transaction() as tx:
                    for stored in await events.take(tx, 1, event_id=event_id):
                        seconds = _SET_ASIDE_SECONDS * 2 ** min(stored.attempts, _MOST_ATTEMPTS)
                        await events.put_back(tx, [stored], min(seconds, _LONGEST_ASIDE_SECONDS))
        return len(waiting)

    async def _apply(self, tx: Connection, taken: Sequence[StoredEvent]) -> Sequence[EnrollmentId]:
        """Apply what came back about touches, tasks and people, then signals; who began by these.

        Who was forbidden meanwhile is to end when that is committed.
        """
        signals = await whose_turn_it_is(tx, taken)
        taken = [s for s in taken if s.event.type is not EventType.SIGNAL]
        found = await resolve(tx, taken)
        resolved = [r for stored in taken if (r := found.get(stored.event_id)) is not None]
        await self._put_back_or_drop(tx, [s for s in taken if s.event_id not in found])
        await events.resolved(
            tx,
            [
                (r.stored.event_id, r.touch.touch_id if r.touch else None, r.enrollment_id, r.step)
                for r in resolved
            ],
        )
        forbidden = _forbidden(taken, found)
        happenings = [happening for r in resolved for happening in _happenings(r)]
        if forbidden:
            await suppressions.announce(tx)
        named = await suppressions.concerned(tx, [key for _, key in forbidden])
        also = _others(forbidden, found, named)
        # All enrollments are locked in one order, before anything else is; none is later.
        held = set(await self._course.concerned(tx, [*happenings, *also]))
        held.update(await self._reacting.concerned(tx, signals))
        done = await suppress(
            tx,
            [Ban(key=key, reason=s.event.type, source=s.event.source) for s, key in forbidden],
            clock=self._clock,
            hold_too=sorted(held),
        )
        held.update(done.enrollments)
        happenings += _others(forbidden, found, done.concerned)
        starting = await self._reacting.prepare(tx, signals, sorted(held))
        tally = await self._count(tx, resolved)
        tally.update(await self._course.apply(tx, happenings, held))
        await _reconcile(tx, resolved)
        await self._judge_health(tx, resolved)
        reacted = await self._reacting.apply(tx, signals, starting, held)
        tally.update(reacted.tally)
        await rollups.add(tx, tally)
        return reacted.begun

    async def _judge_health(self, tx: Connection, resolved: Sequence[Resolved]) -> None:
        """Let accounts rest of whose touches too many come back."""
        bad = [
            r.touch.touch_id
            for r in resolved
            if r.touch is not None and r.stored.event.type in _TROUBLE
        ]
        if bad:
            accounts = await account_pauses.accounts_of(tx, bad)
            await judge_health(tx, self._course.ground.accounts, accounts, self._clock)

    async def _put_back_or_drop(self, tx: Connection, unresolved: Sequence[StoredEvent]) -> None:
        """An event about a touch that is not in the ledger yet waits for it."""
        tired = [s for s in unresolved if s.attempts >= _MOST_ATTEMPTS]
        under_way = await in_flight(tx, tired) if tired else set()
        for stored in unresolved:
            can_wait = stored.attempts < _MOST_ATTEMPTS or stored.event_id in under_way
            if can_wait and names_a_touch(stored.event):
                seconds = _FIRST_WAIT_SECONDS * 2 ** min(stored.attempts, _MOST_ATTEMPTS)
                await events.put_back(tx, [stored], min(seconds, _LONGEST_WAIT_SECONDS))
            else:
                log.info("event_matches_nobody", source=stored.event.source, type=stored.event.type)

    async def _count(self, tx: Connection, resolved: Sequence[Resolved]) -> Tally:
        """Count events, first ones apart, as seen before they are applied."""
        known = await enrollments.lock(tx, sorted({r.enrollment_id for r in resolved}))
        await self._catalog.load(tx, {e.version_id for e in known.values()})
        tally, seen = Tally(), set[tuple[EnrollmentId, str, str]]()
        for r in resolved:
            enrollment, event_type = known[r.enrollment_id], r.stored.event.type
            name, step = self._catalog[enrollment.version_id].name, r.step or ""
            channel = r.touch.channel if r.touch else ""
            if by_machine(r.stored.event, r.touch):
                tally[name, step, channel, f"event:machine_{event_type}"] += 1
                continue
            tally[name, step, channel, f"event:{event_type}"] += 1
            if event_type is EventType.TASK_DONE:
                tally[name, step, "", f"task:{r.stored.event.data.get('disposition')}"] += 1
            mark = (r.enrollment_id, step, event_type)
            if event_type not in enrollment.state.history.get(step, {}) and mark not in seen:
                seen.add(mark)
                tally[name, step, channel, f"first:{event_type}"] += 1
        return tally


def _happenings(r: Resolved) -> Sequence[Happening]:
    return [
        Happening(enrollment_id=r.enrollment_id, event_id=r.stored.event_id, occurrence=occurrence)
        for occurrence in occurrences_of(r.stored.event, r.touch, r.step)
    ]


def _forbidden(
    taken: Sequence[StoredEvent], found: Mapping[int, Resolved]
) -> Sequence[tuple[StoredEvent, str]]:
    """The events that forbid an address, with its key."""
    keys = []
    for stored in taken:
        ours = found.get(stored.event_id)
        key = suppression_key(stored.event, ours.touch if ours else None)
        if stored.event.type in SUPPRESSING and key is not None:
            keys.append((stored, key))
    return keys


def _ours(found: Mapping[int, Resolved], stored: StoredEvent) -> EnrollmentId | None:
    ours = found.get(stored.event_id)
    if ours is None or (ours.touch is not None and ours.touch.party is not None):
        return None  # what another party did is not yet said of the prospect's own address
    return ours.enrollment_id


def _others(
    forbidden: Sequence[tuple[StoredEvent, str]],
    found: Mapping[int, Resolved],
    named: Mapping[str, Sequence[EnrollmentId]],
) -> Sequence[Happening]:
    """What happens to everything else that runs for an address that is forbidden."""
    return [
        _also(other, stored)
        for stored, key in forbidden
        for other in sorted(set(named.get(key, ())) - {_ours(found, stored)})
    ]


def _also(enrollment_id: EnrollmentId, stored: StoredEvent) -> Happening:
    """Everything else that runs for an address hears what forbids it."""
    event = stored.event
    return Happening(
        enrollment_id=enrollment_id,
        event_id=stored.event_id,
        occurrence=Occurrence(kind="event", event=event.type, at=event.occurred_at),
    )


async def _reconcile(tx: Connection, resolved: Iterable[Resolved]) -> None:
    for r in resolved:
        if r.touch is not None and r.touch.status == "unknown" and r.stored.event.type in _EVIDENCE:
            await ledger.reconcile(tx, [r.touch.touch_id], r.stored.event_id)
