"""What a signal does: enrollments of its subject hear of it, one is opened again, one begins."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cadenza.clock import Clock
from cadenza.course.course import Course, Happening
from cadenza.course.moving import start_people
from cadenza.course.onward import hold_onward
from cadenza.enrolling.admitting import NumberedRow, admit, lock_identities
from cadenza.enrolling.identities import ALL, People
from cadenza.enrolling.message import Row
from cadenza.enrolling.starting import Begun, Wanted
from cadenza.language.cadence import Cadence
from cadenza.model import EnrollmentId, EnrollmentStatus, EventType, Occurrence, ProspectId
from cadenza.signals.message import Signal, merge
from cadenza.storage import beginnings, enrollments, events, prospects, reactions
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.events import StoredEvent
from cadenza.storage.reactions import Reaction
from cadenza.storage.rollups import Tally
from cadenza.suppression.suppressing import person_keys, who_is_forbidden

Starting = Mapping[str, Sequence[str]]
"""Signal → the cadences that it starts."""

_MOMENT_SECONDS = 0.05


class Reacting:
    """Applies signals inside the caller's transaction, one after the other."""

    def __init__(self, course: Course, clock: Clock) -> None:
        self._course = course
        self._catalog = course.catalog
        self._accounts = course.accounts
        self._clock = clock

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
        starting = await self._starting(tx)
        await self._lock(tx, stored, starting, await enrollments.load(tx, held))
        return starting

    async def apply(
        self,
        tx: Connection,
        stored: Sequence[StoredEvent],
        starting: Starting,
        held: Collection[EnrollmentId],
    ) -> Tally:
        """React to signals, one after the other. starting, held: as with `prepare`."""
        tally = Tally()
        for one in stored:
            tally.update(await self._react(tx, one, starting, held))
        return tally

    async def _starting(self, tx: Connection) -> Starting:
        """Signal → the cadences whose newest version begins with it."""
        starting: dict[str, list[str]] = {}
        for cadence in await self._catalog.newest_of_all(tx):
            for name, reaction in cadence.signals.items():
                if reaction.action == "start":
                    starting.setdefault(name, []).append(cadence.name)
        return starting

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
        names |= {c.name for e in known.values() if _opens_again(c := self._cadence(e))}
        rows = [
            NumberedRow(number=n, row=row)
            for n, s in enumerate(stored)
            if (row := Signal.from_event(s.event).person(self._accounts)) is not None
        ]
        leading, people = await self._course.ways(tx, known)
        await hold_onward(tx, self._catalog, names | leading)
        await lock_identities(tx, rows)
        people |= {p for r in rows if (p := await self._person(tx, r.row)) is not None}
        people |= {e.profile.prospect_id for e in known.values()}
        await beginnings.lock_people(tx, sorted(people))

    async def _react(
        self,
        tx: Connection,
        stored: StoredEvent,
        starting: Starting,
        held: Collection[EnrollmentId],
    ) -> Tally:
        signal, tally = Signal.from_event(stored.event), Tally()
        about = await self._about(tx, signal)
        own = await enrollments.written(tx, about)
        known = await enrollments.lock(tx, [i for i in about if i in held or i in own])
        await self._catalog.load(tx, {e.version_id for e in known.values()})
        heard = [e for e in known.values() if self._hears(e, signal)]
        running = [e for e in heard if _runs(e)]
        reopened = await self._to_reopen(tx, signal, heard)
        await self._learn(tx, signal, [*running, *reopened])
        happenings = [_hear(e, signal, stored) for e in running]
        happenings += [self._reopen(e, signal, stored) for e in reopened]
        tally.update(await self._course.apply(tx, happenings, held))
        noted = [_noted(stored, e, "heard") for e in running]
        noted += [_noted(stored, e, "reopened") for e in reopened]
        for e in (*running, *reopened):
            tally[self._cadence(e).name, "", "", f"event:{signal.name}"] += 1
        for name in starting.get(signal.name, ()):
            begun = await self._start(tx, name, signal, known)
            for b in begun:
                tally[name, "", "", b.verdict] += 1
                if b.enrollment_id is not None:
                    noted.append(
                        Reaction(
                            event_id=stored.event_id, enrollment_id=b.enrollment_id, what="started"
                        )
                    )
        await reactions.record(tx, noted)
        return tally

    async def _about(self, tx: Connection, signal: Signal) -> Sequence[EnrollmentId]:
        """Enrollments of the subject; without one, those of the person about nothing else."""
        if signal.subject:
            found = await reactions.about(tx, signal.subject)
        else:
            row = signal.person(self._accounts)
            person = await self._person(tx, row) if row is not None else None
            found = await reactions.of_person(tx, [person] if person is not None else [])
        return [f.enrollment_id for f in found]

    async def _person(self, tx: Connection, row: Row) -> ProspectId | None:
        """Who a row is about, if they are known."""
        p = row.prospect
        known = await beginnings.known_people(
            tx,
            keys=[p.key],
            emails=[p.email] if p.email else [],
            phones=[p.phone] if p.phone else [],
        )
        person = People(ALL, known).recognise(p)
        return person.prospect_id

    def _cadence(self, enrollment: Enrollment) -> Cadence:
        return self._catalog[enrollment.version_id]

    def _hears(self, enrollment: Enrollment, signal: Signal) -> bool:
        return signal.name in self._cadence(enrollment).signals

    async def _to_reopen(
        self, tx: Connection, signal: Signal, heard: Sequence[Enrollment]
    ) -> Sequence[Enrollment]:
        """The last enrollment of each person and cadence, if all are over and they may be touched.

        Nobody begins these cadences meanwhile: one of these can run at a time.
        """
        over = [
            e
            for e in heard
            if not _runs(e) and self._cadence(e).signals[signal.name].action == "reopen"
        ]
        if not over:
            return ()
        await beginnings.lock_cadences(tx, [e.cadence_id for e in over])
        busy: set[tuple[int, ProspectId, str]] = set()
        for cadence_id in {e.cadence_id for e in over}:
            people = [e.profile.prospect_id for e in over if e.cadence_id == cadence_id]
            running = await beginnings.running(tx, cadence_id, people)
            busy |= {(cadence_id, *identity) for identity in running}
        forbidden = await who_is_forbidden(
            tx,
            {
                e.enrollment_id: person_keys(e.profile, service=self._cadence(e).service)
                for e in over
            },
        )
        last = {_identity(e): e for e in sorted(over, key=lambda e: e.enrollment_id)}
        return [
            e
            for identity, e in last.items()
            if identity not in busy and e.enrollment_id not in forbidden
        ]

    async def _learn(self, tx: Connection, signal: Signal, concerned: Sequence[Enrollment]) -> None:
        if signal.fields:
            await reactions.set_about(
                tx, {e.enrollment_id: merge(_about_of(e), signal.fields) for e in concerned}
            )

    def _reopen(self, e: Enrollment, signal: Signal, stored: StoredEvent) -> Happening:
        step = self._cadence(e).signals[signal.name].step
        return Happening(
            enrollment_id=e.enrollment_id,
            event_id=stored.event_id,
            occurrence=Occurrence(
                kind="reopened", at=signal.at, data={"step": step, "reason": signal.name}
            ),
        )

    async def _start(
        self,
        tx: Connection,
        name: str,
        signal: Signal,
        known: Mapping[EnrollmentId, Enrollment],
    ) -> Sequence[Begun]:
        """Begin cadence `name`: for the person of the signal, else those of its subject."""
        version = await self._catalog.newest(tx, name)
        row = signal.person(self._accounts)
        now = self._clock.now()
        if row is not None:
            about = merge(row.about, signal.fields)
            row = replace(row, subject=signal.subject, about=about)
            return await admit(tx, self._course, version, [NumberedRow(number=0, row=row)], now)
        return await self._start_known(tx, version, signal, known)

    async def _start_known(
        self,
        tx: Connection,
        version: StoredVersion,
        signal: Signal,
        known: Mapping[EnrollmentId, Enrollment],
    ) -> Sequence[Begun]:
        """The order is known from another cadence, and with it whose it is."""
        latest = {e.profile.prospect_id: e for _, e in sorted(known.items())}
        people = sorted(latest)
        await beginnings.lock_people(tx, people)
        profiles = await prospects.by_ids(tx, people)
        wanted = [
            Wanted(
                number=n,
                profile=profiles[p],
                company=latest[p].company,
                shard=latest[p].shard,
                subject=signal.subject,
                about=merge(_about_of(latest[p]), signal.fields),
            )
            for n, p in enumerate(people)
        ]
        return await start_people(tx, self._course, version, wanted, self._clock.now())


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


def _opens_again(cadence: Cadence) -> bool:
    return any(reaction.action == "reopen" for reaction in cadence.signals.values())


def _about_of(enrollment: Enrollment) -> Mapping[str, Any]:
    """What is known of its subject beside the id."""
    profile = enrollment.profile
    fields: dict[str, Any] = {n: v for n, v in profile.subject.items() if n != "id"}
    parties = {party: dict(of) for party, of in profile.parties.items()}
    return {**fields, "parties": parties} if parties else fields


def _runs(enrollment: Enrollment) -> bool:
    return enrollment.state.status is not EnrollmentStatus.FINISHED


def _identity(enrollment: Enrollment) -> tuple[int, ProspectId, str]:
    return enrollment.cadence_id, enrollment.profile.prospect_id, enrollment.subject


def _hear(enrollment: Enrollment, signal: Signal, stored: StoredEvent) -> Happening:
    return Happening(
        enrollment_id=enrollment.enrollment_id,
        event_id=stored.event_id,
        occurrence=Occurrence(kind="event", at=signal.at, event=signal.name),
    )


def _noted(stored: StoredEvent, enrollment: Enrollment, what: str) -> Reaction:
    return Reaction(event_id=stored.event_id, enrollment_id=enrollment.enrollment_id, what=what)
