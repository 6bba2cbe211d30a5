"""Applies stored events: finds whom they are about, suppresses, advances, notifies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.course import Course, Happening
from cadenza.errors import traced
from cadenza.model import (
    AddressRef,
    Channel,
    EnrollmentId,
    Event,
    EventType,
    MessageRef,
    Occurrence,
    Reference,
    TouchRef,
)
from cadenza.storage import batches, enrollments, events, journal, ledger, rollups
from cadenza.storage.database import Connection, Database, is_passing
from cadenza.storage.events import StoredEvent
from cadenza.storage.ledger import TouchOf
from cadenza.storage.rollups import Tally
from cadenza.storage.suppressions import Ban
from cadenza.suppressing import SUPPRESSING, suppress, suppression_key

log = structlog.get_logger(__name__)

_GROUP = 200
# What names a touch mostly names one that exists, so its commit is merely not done
# yet; after so many attempts, in three minutes, it has to be in a batch to be waited for.
_MOST_ATTEMPTS = 12
_FIRST_WAIT_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 60.0
_SET_ASIDE_SECONDS = 60.0
_LONGEST_ASIDE_SECONDS = 3600.0

# What shows that an unknown touch did arrive.
_EVIDENCE = frozenset(EventType) - {EventType.TASK_DONE, EventType.MEETING_BOOKED, EventType.GOAL}


@dataclass(frozen=True, kw_only=True)
class _Resolved:
    """An event and what it is about. touch: None for events about no touch."""

    stored: StoredEvent
    enrollment_id: EnrollmentId
    touch: TouchOf | None
    step: str | None


class EventApplier:
    """Empties the inbox. Any number of appliers may run at once."""

    def __init__(
        self, *, database: Database, course: Course, catalog: Catalog, clock: Clock
    ) -> None:
        self._database = database
        self._course = course
        self._catalog = catalog
        self._clock = clock

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
            if taken:
                await self._apply(tx, taken)
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
                    await self._apply(tx, await events.take(tx, 1, event_id=event_id))
            except Exception as error:
                if is_passing(error):
                    raise
                log.error("event_cannot_be_applied", event_id=event_id, error=traced(error))
                async with self._database.transaction() as tx:
                    for stored in await events.take(tx, 1, event_id=event_id):
                        seconds = _SET_ASIDE_SECONDS * 2 ** min(stored.attempts, _MOST_ATTEMPTS)
                        await events.put_back(tx, [stored], min(seconds, _LONGEST_ASIDE_SECONDS))
        return len(waiting)

    async def _apply(self, tx: Connection, taken: Sequence[StoredEvent]) -> None:
        found = await _resolve(tx, taken)
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
        # All enrollments are locked in one order, before anything else is.
        done = await suppress(
            tx,
            [Ban(key=key, reason=s.event.type, source=s.event.source) for s, key in forbidden],
            clock=self._clock,
            hold_too=[r.enrollment_id for r in resolved],
        )
        tally = await self._count(tx, resolved)
        happenings = [_happening(r) for r in resolved]
        for stored, key in forbidden:
            others = set(done.concerned.get(key, ())) - {_ours(found, stored)}
            happenings += [_also(other, stored) for other in sorted(others)]
        tally.update(await self._course.apply(tx, happenings))
        await _reconcile(tx, resolved)
        await rollups.add(tx, tally)

    async def _put_back_or_drop(self, tx: Connection, unresolved: Sequence[StoredEvent]) -> None:
        """An event about a touch that is not in the ledger yet waits for it."""
        tired = [s for s in unresolved if s.attempts >= _MOST_ATTEMPTS]
        in_flight = await _in_flight(tx, tired) if tired else set()
        for stored in unresolved:
            can_wait = stored.attempts < _MOST_ATTEMPTS or stored.event_id in in_flight
            if can_wait and _names_a_touch(stored.event):
                seconds = _FIRST_WAIT_SECONDS * 2 ** min(stored.attempts, _MOST_ATTEMPTS)
                await events.put_back(tx, [stored], min(seconds, _LONGEST_WAIT_SECONDS))
            else:
                log.info("event_matches_nobody", source=stored.event.source, type=stored.event.type)

    async def _count(self, tx: Connection, resolved: Sequence[_Resolved]) -> Tally:
        """Count events, first ones apart, as seen before they are applied."""
        known = await enrollments.lock(tx, sorted({r.enrollment_id for r in resolved}))
        await self._catalog.load(tx, {e.version_id for e in known.values()})
        tally, seen = Tally(), set[tuple[EnrollmentId, str, str]]()
        for r in resolved:
            enrollment, event_type = known[r.enrollment_id], r.stored.event.type
            name, step = self._catalog[enrollment.version_id].name, r.step or ""
            channel = r.touch.channel if r.touch else ""
            tally[name, step, channel, f"event:{event_type}"] += 1
            if event_type is EventType.TASK_DONE:
                tally[name, step, "", f"task:{r.stored.event.data.get('disposition')}"] += 1
            mark = (r.enrollment_id, step, event_type)
            if event_type not in enrollment.state.history.get(step, {}) and mark not in seen:
                seen.add(mark)
                tally[name, step, channel, f"first:{event_type}"] += 1
        return tally


def _names_a_touch(event: Event) -> bool:
    return any(isinstance(r, TouchRef | MessageRef) for r in event.about)


async def _in_flight(tx: Connection, unresolved: Sequence[StoredEvent]) -> set[int]:
    """Those of these events whose touch is in a batch."""
    references = [r for stored in unresolved for r in stored.event.about]
    touches = await batches.carrying(
        tx, [r.touch_id for r in references if isinstance(r, TouchRef)]
    )
    messages = await journal.naming(
        tx, [r.provider_id for r in references if isinstance(r, MessageRef)]
    )
    return {
        stored.event_id
        for stored in unresolved
        for r in stored.event.about
        if (isinstance(r, TouchRef) and r.touch_id in touches)
        or (isinstance(r, MessageRef) and r.provider_id in messages)
    }


async def _resolve(tx: Connection, taken: Sequence[StoredEvent]) -> Mapping[int, _Resolved]:
    """What each event is about; the first reference that leads somewhere wins."""
    references = [r for stored in taken for r in stored.event.about]
    touches = await ledger.by_touch_ids(
        tx, [r.touch_id for r in references if isinstance(r, TouchRef)]
    )
    messages = await ledger.by_provider_ids(
        tx, [r.provider_id for r in references if isinstance(r, MessageRef)]
    )
    latest: dict[tuple[Channel, str], TouchOf] = {}
    for channel in {r.channel for r in references if isinstance(r, AddressRef)}:
        addresses = [
            r.address for r in references if isinstance(r, AddressRef) and r.channel is channel
        ]
        for address, last in (await ledger.latest_on(tx, channel, addresses)).items():
            latest[channel, address] = last

    def lead(reference: Reference) -> TouchOf | None:
        match reference:
            case TouchRef(touch_id=touch_id):
                return touches.get(touch_id)
            case MessageRef(provider_id=provider_id):
                return messages.get(provider_id)
            case AddressRef(channel=channel, address=address):
                return latest.get((channel, address))

    resolved: dict[int, _Resolved] = {}
    for stored in taken:
        data = stored.event.data
        if "enrollment_id" in data:  # tasks and people name the enrollment itself
            resolved[stored.event_id] = _Resolved(
                stored=stored,
                enrollment_id=data["enrollment_id"],
                touch=None,
                step=data.get("step"),
            )
            continue
        touch = next((t for r in stored.event.about if (t := lead(r)) is not None), None)
        if touch is not None:
            resolved[stored.event_id] = _Resolved(
                stored=stored, enrollment_id=touch.enrollment_id, touch=touch, step=touch.step
            )
    return resolved


def _happening(r: _Resolved) -> Happening:
    event = r.stored.event
    return Happening(
        enrollment_id=r.enrollment_id,
        event_id=r.stored.event_id,
        occurrence=Occurrence(
            kind="event",
            at=event.occurred_at,
            step=r.step,
            event=event.type,
            data={name: event.data[name] for name in ("disposition",) if name in event.data},
        ),
    )


def _forbidden(
    taken: Sequence[StoredEvent], found: Mapping[int, _Resolved]
) -> Sequence[tuple[StoredEvent, str]]:
    """The events that forbid an address, with its key."""
    keys = []
    for stored in taken:
        ours = found.get(stored.event_id)
        key = suppression_key(stored.event, ours.touch if ours else None)
        if stored.event.type in SUPPRESSING and key is not None:
            keys.append((stored, key))
    return keys


def _ours(found: Mapping[int, _Resolved], stored: StoredEvent) -> EnrollmentId | None:
    ours = found.get(stored.event_id)
    return ours.enrollment_id if ours else None


def _also(enrollment_id: EnrollmentId, stored: StoredEvent) -> Happening:
    """Everything else that runs for an address hears what forbids it."""
    event = stored.event
    return Happening(
        enrollment_id=enrollment_id,
        event_id=stored.event_id,
        occurrence=Occurrence(kind="event", event=event.type, at=event.occurred_at),
    )


async def _reconcile(tx: Connection, resolved: Iterable[_Resolved]) -> None:
    for r in resolved:
        if r.touch is not None and r.touch.status == "unknown" and r.stored.event.type in _EVIDENCE:
            await ledger.reconcile(tx, [r.touch.touch_id], r.stored.event_id)
