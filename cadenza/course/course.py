"""The course of enrollments: occurrences go in, the planner decides, rows are written.

This is the only way in which an enrollment changes, whoever saw the
occurrence: a worker that sent a touch, the applier of an event, the
scheduler that saw a timer run out, a person at the command line.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from cadenza import planner
from cadenza.course.changing import Change, Happening
from cadenza.course.consequences import may_concern_colleagues, tell_colleagues
from cadenza.course.deciding import decide
from cadenza.course.moving_on import move_on
from cadenza.course.writing import write
from cadenza.enrolling.onward import hold_onward, targets
from cadenza.ground import Ground
from cadenza.model import EnrollmentId, EnrollmentStatus, ProspectId, VersionId
from cadenza.storage import batches, due, enrollments, reactions
from cadenza.storage.database import Connection
from cadenza.storage.due import NewPlan
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.rollups import Tally

__all__ = ["Course", "Happening"]

_A_MOMENT = timedelta(minutes=1)


class Course:
    """Applies happenings to enrollments inside the caller's transaction."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    @property
    def ground(self) -> Ground:
        """What it decides by."""
        return self._ground

    async def apply(
        self,
        tx: Connection,
        happenings: Sequence[Happening],
        held: Collection[EnrollmentId] | None = None,
    ) -> Tally:
        """Advance every enrollment concerned; what happened twice changes nothing.

        Enrollments are locked in order of their ids until the caller's
        transaction ends. held: those that the caller has locked already,
        where it has locked more than enrollments since: of others it would be
        too late, and for them the happenings came before their beginning.
        Returns counts for the caller to add to the rollups as the last thing
        in the transaction.
        """
        if not happenings:
            return Tally()
        locked = await self._lock(tx, happenings, held)
        ground = self._ground
        await ground.catalog.load(tx, _versions(locked.values(), happenings))
        # Read after the locks are held: a stop's time is then surely later
        # than that of every attempt that the journal let through before it.
        now = ground.clock.now()
        known: dict[EnrollmentId, Change] = {}
        ahead = list(await self._wait_for_batches(tx, locked, happenings))
        holds_ways = False
        while ahead:
            waiting = decide(ground, locked, ahead, known, now)
            if not holds_ways and any(change.moving for change in known.values()):
                # Who moves in a later round may not take a lower lock than who moved before.
                names, people = await self.ways(tx, locked)
                await hold_onward(tx, ground.catalog, names, sorted(people))
                holds_ways = True
            await move_on(tx, ground, known.values(), now)
            ahead = [*waiting, *await tell_colleagues(tx, known.values(), locked, ground.catalog)]
        changes = [c for c in known.values() if c.log]
        await write(tx, ground, changes)
        return self._count(changes)

    async def concerned(
        self, tx: Connection, happenings: Sequence[Happening]
    ) -> Sequence[EnrollmentId]:
        """The enrollments that `apply` will lock: those named, and colleagues who may hear of it.

        Who locks others besides has to lock all of them together, in order.
        """
        ids = {h.enrollment_id for h in happenings}
        telling = {h.enrollment_id for h in happenings if may_concern_colleagues(h.occurrence)}
        if telling:
            ids |= set(await reactions.colleagues(tx, sorted(telling)))
        return sorted(ids)

    async def ways(
        self, tx: Connection, known: Mapping[EnrollmentId, Enrollment]
    ) -> tuple[set[str], set[ProspectId]]:
        """The cadences into which these enrollments may move, and the people who may."""
        catalog = self._ground.catalog
        await catalog.load(tx, {e.version_id for e in known.values()})
        leading = [(e, set(targets(catalog[e.version_id]))) for e in known.values()]
        names = {name for _, some in leading for name in some}
        return names, {e.profile.prospect_id for e, some in leading if some}

    async def _lock(
        self,
        tx: Connection,
        happenings: Sequence[Happening],
        held: Collection[EnrollmentId] | None,
    ) -> Mapping[EnrollmentId, Enrollment]:
        ids = await self.concerned(tx, happenings)
        if held is not None:
            own = await enrollments.written(tx, ids)
            ids = [i for i in ids if i in held or i in own]
        return await enrollments.lock(tx, ids)

    async def _wait_for_batches(
        self,
        tx: Connection,
        locked: Mapping[EnrollmentId, Enrollment],
        happenings: Sequence[Happening],
    ) -> Sequence[Happening]:
        """The happenings without ends of pauses before which a touch was staged that still is.

        Planned anew, such a touch could leave twice: the pause goes on for a moment.
        """
        ending = [
            locked[h.enrollment_id]
            for h in happenings
            if h.occurrence.kind == "elapsed"
            and h.enrollment_id in locked
            and locked[h.enrollment_id].state.status is EnrollmentStatus.PAUSED
        ]
        if not ending:
            return happenings
        held = set(await batches.holding(tx, [e.enrollment_id for e in ending]))
        until = self._ground.clock.now() + _A_MOMENT
        await due.plan(
            tx,
            [
                NewPlan(
                    enrollment_id=e.enrollment_id,
                    shard=e.shard,
                    account=None,
                    planned=planner.timer(e.state, until),
                )
                for e in ending
                if e.enrollment_id in held
            ],
        )
        return [
            h for h in happenings if h.enrollment_id not in held or h.occurrence.kind != "elapsed"
        ]

    def _count(self, changes: Sequence[Change]) -> Tally:
        tally = Tally()
        for change in changes:
            if change.ended:
                name = self._ground.catalog[change.version].name
                tally[name, "", "", f"finished:{change.state.outcome}"] += 1
        return tally


def _versions(locked: Iterable[Enrollment], happenings: Sequence[Happening]) -> set[VersionId]:
    """Those by which the enrollments go, and those to which they go over."""
    of = [h.occurrence for h in happenings if h.occurrence.kind == planner.MIGRATED]
    return {e.version_id for e in locked} | {VersionId(o.data["version"]) for o in of}
