"""What a signal does: enrollments of its subject hear of it, one is opened again, one begins."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from cadenza.course.course import Course, Happening
from cadenza.enrolling.admitting import NumberedRow, lock_identities
from cadenza.enrolling.onward import hold_onward
from cadenza.language.cadence import Cadence
from cadenza.model import EnrollmentId, EnrollmentStatus, EventType, Occurrence
from cadenza.signals.message import Signal, merge
from cadenza.signals.reopening import opens_again, reopened, to_reopen
from cadenza.signals.starting import Starting, start, starting_now
from cadenza.signals.subjects import enrollments_about, known_of, person_of
from cadenza.storage import beginnings, enrollments, events, reactions
from cadenza.storage.database import Connection
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.events import StoredEvent
from cadenza.storage.reactions import Reaction
from cadenza.storage.rollups import Tally

_MOMENT_SECONDS = 0.05


@dataclass
class Reacted:
    """What signals came to. tally: counts, for the rollups. begun: enrollments that go on anew."""

    tally: Tally = field(default_factory=Tally)
    begun: list[EnrollmentId] = field(default_factory=list)


class Reacting:
    """Applies signals inside the caller's transaction, one after the other."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._ground = course.ground
        self._catalog = course.ground.catalog

    async def concerned(
        self, tx: Connection, stored: Sequence[StoredEvent]
    ) -> Sequence[EnrollmentId]:
        """The enrollments that these signals may change, for the caller to hold with others."""
        ids: set[EnrollmentId] = set()
        for one in stored:
            ids.update(await self._about(tx, Signal.from_event(one.event)))
        known = await reactions.colleagues(tx, sorted(ids))
        return sorted(ids.union(known))

    async def prepare(
        self, tx: Connection, stored: Sequence[StoredEvent], held: Sequence[EnrollmentId]
    ) -> Starting:
        """Hold what these signals will want beside enrollments. Raises RowRejected.

        held: all enrollments that the transaction holds: those that move in
        it want cadences too, and all of these are held in one order. A row
        that was good when the signal came can be wrong by now, when an owner
        has left: such a signal is kept until somebody looks.
        """
        if not stored:
            return {}
        starting = await starting_now(tx, self._catalog)
        await self._lock(tx, stored, starting, await enrollments.load(tx, held))
        return starting

    async def apply(
        self,
        tx: Connection,
        stored: Sequence[StoredEvent],
        starting: Starting,
        held: Collection[EnrollmentId],
    ) -> Reacted:
        """React to signals, one after the other. starting, held: as with `prepare`."""
        reacted = Reacted()
        for one in stored:
            await self._react(tx, one, starting, held, reacted)
        return reacted

    async def _lock(
        self,
        tx: Connection,
        stored: Sequence[StoredEvent],
        starting: Starting,
        known: Mapping[EnrollmentId, Enrollment],
    ) -> None:
        """Everything but enrollments that all of them will want, in the one order."""
        names = {c for s in stored for c in starting.get(s.event.data["name"], ())}
        await self._catalog.load(tx, {e.version_id for e in known.values()})
        names |= {c.name for e in known.values() if opens_again(c := self._cadence(e))}
        rows = [
            NumberedRow(number=n, row=row)
            for n, s in enumerate(stored)
            if (row := Signal.from_event(s.event).person(self._ground.accounts)) is not None
        ]
        leading, people = await self._course.ways(tx, known)
        await hold_onward(tx, self._catalog, names | leading)
        await lock_identities(tx, rows)
        people |= {p for r in rows if (p := await person_of(tx, r.row)) is not None}
        people |= {e.profile.prospect_id for e in known.values()}
        await beginnings.lock_people(tx, sorted(people))

    async def _react(
        self,
        tx: Connection,
        stored: StoredEvent,
        starting: Starting,
        held: Collection[EnrollmentId],
        reacted: Reacted,
    ) -> None:
        signal, tally = Signal.from_event(stored.event), reacted.tally
        known = await self._known(tx, signal, held)
        heard = [e for e in known.values() if signal.name in self._cadence(e).signals]
        running = [e for e in heard if e.state.status is not EnrollmentStatus.FINISHED]
        opened = await to_reopen(tx, self._catalog, signal, heard)
        await _learn(tx, signal, [*running, *opened])
        happenings = [_hear(e, signal, stored) for e in running]
        happenings += [reopened(e, self._cadence(e), signal, stored) for e in opened]
        tally.update(await self._course.apply(tx, happenings, held))
        noted = [_noted(stored, e.enrollment_id, "heard") for e in running]
        noted += [_noted(stored, e.enrollment_id, "reopened") for e in opened]
        for e in (*running, *opened):
            tally[self._cadence(e).name, "", "", f"event:{signal.name}"] += 1
        for name in starting.get(signal.name, ()):
            for b in await start(tx, self._ground, name, signal, known):
                tally[name, "", "", b.verdict] += 1
                if b.enrollment_id is not None:
                    noted.append(_noted(stored, b.enrollment_id, "started"))
        await reactions.record(tx, noted)
        reacted.begun += [n.enrollment_id for n in noted if n.what != "heard"]

    async def _known(
        self, tx: Connection, signal: Signal, held: Collection[EnrollmentId]
    ) -> Mapping[EnrollmentId, Enrollment]:
        """Those that the signal is about: of the others it would be too late to hold them."""
        about = await self._about(tx, signal)
        own = await enrollments.written(tx, about)
        known = await enrollments.lock(tx, [i for i in about if i in held or i in own])
        await self._catalog.load(tx, {e.version_id for e in known.values()})
        return known

    async def _about(self, tx: Connection, signal: Signal) -> Sequence[EnrollmentId]:
        return await enrollments_about(tx, signal, self._ground.accounts)

    def _cadence(self, enrollment: Enrollment) -> Cadence:
        return self._catalog[enrollment.version_id]


async def whose_turn_it_is(tx: Connection, taken: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
    """The signals of `taken` that can be applied now.

    Of those about one subject each waits until the one before is applied,
    whoever is at it; it is put back for a moment.
    """
    signals = [s for s in taken if s.event.type is EventType.SIGNAL]
    if not signals:
        return ()
    matters = [(s.event_id, str(s.event.data["matter"])) for s in signals]
    early = await reactions.earlier_waiting(tx, matters)
    await events.put_back(tx, [s for s in signals if s.event_id in early], _MOMENT_SECONDS)
    return [s for s in signals if s.event_id not in early]


async def _learn(tx: Connection, signal: Signal, concerned: Sequence[Enrollment]) -> None:
    if signal.fields:
        await reactions.set_about(
            tx, {e.enrollment_id: merge(known_of(e), signal.fields) for e in concerned}
        )


def _hear(enrollment: Enrollment, signal: Signal, stored: StoredEvent) -> Happening:
    return Happening(
        enrollment_id=enrollment.enrollment_id,
        event_id=stored.event_id,
        occurrence=Occurrence(kind="event", at=signal.at, event=signal.name),
    )


def _noted(stored: StoredEvent, enrollment_id: EnrollmentId, what: str) -> Reaction:
    return Reaction(event_id=stored.event_id, enrollment_id=enrollment_id, what=what)
