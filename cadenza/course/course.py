"""The course of enrollments: occurrences go in, the planner decides, rows are written.

This is the only way in which an enrollment changes, whoever saw the
occurrence: a worker that sent a touch, the applier of an event, the
scheduler that saw a timer run out, a person at the command line.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from cadenza import planner
from cadenza.accounts import Accounts
from cadenza.calendars import NoOpening
from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.course.changing import Change, Happening
from cadenza.course.consequences import may_concern_colleagues, tell_colleagues
from cadenza.course.moving import CannotMoveOn, Move, move_people
from cadenza.course.onward import hold_onward, targets
from cadenza.course.opening import new_task
from cadenza.errors import RenderError, traced
from cadenza.model import (
    Effect,
    EnrollmentId,
    EnrollmentState,
    EnrollmentStatus,
    Occurrence,
    ProspectId,
    VersionId,
)
from cadenza.slots.planning import Intent, Pacer
from cadenza.storage import (
    batches,
    course_log,
    due,
    enrollments,
    notifications,
    reactions,
    statuses,
    tasks,
)
from cadenza.storage.database import Connection
from cadenza.storage.due import NewPlan
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.notifications import NewNotification
from cadenza.storage.rollups import Tally

__all__ = ["Course", "Happening"]

log = structlog.get_logger(__name__)

_A_MOMENT = timedelta(minutes=1)
# Errors that are written for people.
_FOR_PEOPLE = (RenderError, NoOpening, CannotMoveOn)


class Course:
    """Applies happenings to enrollments inside the caller's transaction."""

    def __init__(self, catalog: Catalog, accounts: Accounts, clock: Clock) -> None:
        self._catalog = catalog
        self._accounts = accounts
        self._clock = clock
        self._pacer = Pacer(accounts, clock)

    @property
    def pacer(self) -> Pacer:
        """Who gives touches their accounts and times."""
        return self._pacer

    @property
    def catalog(self) -> Catalog:
        """The cadences that it applies."""
        return self._catalog

    @property
    def accounts(self) -> Accounts:
        """The accounts that it plans for."""
        return self._accounts

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
        ids = await self.concerned(tx, happenings)
        if held is not None:
            own = await enrollments.written(tx, ids)
            ids = [i for i in ids if i in held or i in own]
        locked = await enrollments.lock(tx, ids)
        await self._catalog.load(tx, _versions(locked.values(), happenings))
        # Read after the locks are held: a stop's time is then surely later
        # than that of every attempt that the journal let through before it.
        now = self._clock.now()
        known: dict[EnrollmentId, Change] = {}
        ahead = list(await self._wait_for_batches(tx, locked, happenings))
        holds_ways = False
        while ahead:
            waiting = self._decide(locked, ahead, known, now)
            if not holds_ways and any(change.moving for change in known.values()):
                # Who moves in a later round may not take a lower lock than who moved before.
                names, people = await self.ways(tx, locked)
                await hold_onward(tx, self._catalog, names, sorted(people))
                holds_ways = True
            await self._move_on(tx, known.values(), now)
            ahead = [*waiting, *await tell_colleagues(tx, known.values(), locked, self._catalog)]
        changes = [c for c in known.values() if c.log]
        await self._write(tx, changes)
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
        await self._catalog.load(tx, {e.version_id for e in known.values()})
        leading = [(e, set(targets(self._catalog[e.version_id]))) for e in known.values()]
        names = {name for _, some in leading for name in some}
        return names, {e.profile.prospect_id for e, some in leading if some}

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
        until = self._clock.now() + _A_MOMENT
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

    def _decide(
        self,
        locked: Mapping[EnrollmentId, Enrollment],
        happenings: Sequence[Happening],
        changes: dict[EnrollmentId, Change],
        now: datetime,
    ) -> Sequence[Happening]:
        """Returns what has to wait until a move into another cadence is settled."""
        waiting = []
        for happening in happenings:
            enrollment = locked.get(happening.enrollment_id)
            if enrollment is None:
                continue
            change = changes.setdefault(
                happening.enrollment_id,
                Change(before=enrollment, state=enrollment.state, reason=enrollment.reason),
            )
            if change.moving is not None:
                waiting.append(happening)
                continue
            try:
                self._advance(change, happening, now)
            except Exception as error:
                if happening.occurrence.kind == planner.MIGRATED:
                    raise  # a person waits for the answer, and nothing has happened yet
                # Whatever it is, it must not hold up everybody else's.
                self._hold(change, happening, error, now)
        return waiting

    def _advance(self, change: Change, happening: Happening, now: datetime) -> None:
        enrollment, occurrence = change.before, happening.occurrence
        profile, cadence = enrollment.profile, self._catalog[change.version]
        calendar = self._accounts.places.of(profile)
        if occurrence.kind == planner.MIGRATED:
            version = VersionId(occurrence.data["version"])
            transition = planner.migrated(
                cadence,
                self._catalog[version],
                change.state,
                profile,
                mapping=occurrence.data.get("mapping", {}),
                now=now,
                calendar=calendar,
            )
            change.migrate(version, transition, happening, now)
            return
        transition = planner.advance(
            cadence, change.state, profile, occurrence, now, calendar=calendar
        )
        # Rendered before anything is taken over: what cannot be rendered is not opened.
        new_tasks = [
            new_task(enrollment, cadence, effect, occurrence.at, self._accounts)
            for effect in transition.effects
            if effect.kind == "open_task"
        ]
        if any(effect.kind == "move_to" for effect in transition.effects):
            change.moving = (transition, happening, new_tasks)
            return
        change.tasks += new_tasks
        change.take(transition, happening, _reason(occurrence, transition.state), now=now)

    async def _move_on(self, tx: Connection, changes: Iterable[Change], now: datetime) -> None:
        """Start people in the cadences to which they move; whom none takes is held."""
        pending = [(c, c.moving) for c in changes if c.moving is not None]
        if not pending:
            return
        wanted = [
            (change, _move(change.before, effect))
            for change, (transition, _, _) in pending
            for effect in transition.effects
            if effect.kind == "move_to"
        ]
        reasons = await move_people(tx, self, [move for _, move in wanted], now)
        refused = {
            change.before.enrollment_id: reason
            for (change, move), reason in zip(wanted, reasons, strict=True)
            if reason is not None and move.leaves is not None
        }
        for change, (transition, happening, new_tasks) in pending:
            change.moving = None
            reason = refused.get(change.before.enrollment_id)
            if reason is not None:
                self._hold(change, happening, CannotMoveOn(reason), now)
                continue
            change.tasks += new_tasks
            why = _reason(happening.occurrence, transition.state)
            change.take(transition, happening, why, now=now)

    def _hold(self, change: Change, happening: Happening, error: Exception, now: datetime) -> None:
        """Remember what happened, and pause, so that a person looks."""
        told = str(error)
        if not isinstance(error, _FOR_PEOPLE):
            told = type(error).__name__
            log.error("enrollment_held", error=traced(error))
        transition = planner.hold(change.state, happening.occurrence)
        change.take(transition, happening, f"cannot go on: {told}", now=now, held=True)

    async def _write(self, tx: Connection, changes: Sequence[Change]) -> None:
        now = self._clock.now()
        await enrollments.save(
            tx, [(c.before.enrollment_id, c.state, c.reason) for c in changes], now
        )
        migrated = [(c.before.enrollment_id, c.version) for c in changes if c.version_id]
        await enrollments.set_versions(tx, migrated)
        known = [(c.before.enrollment_id, c.facts) for c in changes if c.facts is not None]
        await enrollments.set_facts(tx, known)
        await course_log.append(
            tx, [(c.before.enrollment_id, entry) for c in changes for entry in c.log]
        )
        await due.forget(
            tx, [(c.before.enrollment_id, name) for c in changes for name in c.replaced]
        )
        intents = [
            Intent(
                enrollment_id=c.before.enrollment_id,
                shard=c.before.shard,
                cadence=self._catalog[c.version],
                profile=c.before.profile,
                planned=plan,
                company=c.before.company,
                is_first=not any("sent" in marks for marks in c.state.history.values()),
            )
            for c in changes
            for plan in c.plans.values()
        ]
        await due.plan(tx, await self._pacer.plans(tx, intents))
        await tasks.cancel(tx, [c.before.enrollment_id for c in changes if c.ended], now)
        left = [(c.before.enrollment_id, name) for c in changes if not c.ended for name in c.left]
        await tasks.skip(tx, left, now)
        await statuses.enter(
            tx,
            [
                (c.before.enrollment_id, str(effect.data["status"]), now)
                for c in changes
                for effect, _ in c.effects
                if effect.kind == "status"
            ],
        )
        await notifications.add(tx, list(_notifications(changes)), now)
        await tasks.open_tasks(tx, [task for change in changes for task in change.tasks])

    def _count(self, changes: Sequence[Change]) -> Tally:
        tally = Tally()
        for change in changes:
            if change.ended:
                name = self._catalog[change.version].name
                tally[name, "", "", f"finished:{change.state.outcome}"] += 1
        return tally


def _notifications(changes: Sequence[Change]) -> Iterable[NewNotification]:
    for change in changes:
        for effect, happening in change.effects:
            if effect.kind == "notify_owner":
                yield NewNotification(
                    owner_id=change.before.profile.owner_id,
                    enrollment_id=change.before.enrollment_id,
                    event_id=happening.event_id,
                    kind=effect.data["event"],
                )


def _move(enrollment: Enrollment, effect: Effect) -> Move:
    return Move(
        profile=enrollment.profile,
        company=enrollment.company,
        shard=enrollment.shard,
        cadence=effect.data["cadence"],
        carry=effect.data.get("carry"),
        leaves=None if effect.data.get("stay") else enrollment.enrollment_id,
    )


def _versions(locked: Iterable[Enrollment], happenings: Sequence[Happening]) -> set[VersionId]:
    """Those by which the enrollments go, and those to which they go over."""
    of = [h.occurrence for h in happenings if h.occurrence.kind == planner.MIGRATED]
    return {e.version_id for e in locked} | {VersionId(o.data["version"]) for o in of}


def _reason(occurrence: Occurrence, state: EnrollmentState) -> str | None:
    """Why an enrollment is paused or ended, in words for `explain`."""
    if state.status is EnrollmentStatus.ACTIVE:
        return None
    reason = occurrence.data.get("reason")
    return str(reason) if reason else str(occurrence.event or occurrence.kind)
