"""The course of enrollments: occurrences go in, the planner decides, rows are written.

This is the only way in which an enrollment changes, whoever saw the
occurrence: a worker that sent a touch, the applier of an event, the
scheduler that saw a timer run out, a person at the command line.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from cadenza import planner
from cadenza.accounts import Accounts
from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.errors import RenderError, traced
from cadenza.language.cadence import Cadence
from cadenza.model import (
    SENDING_CHANNELS,
    Effect,
    EnrollmentId,
    EnrollmentState,
    EnrollmentStatus,
    Occurrence,
    Planned,
    Profile,
    Transition,
)
from cadenza.steps.task import TaskStep
from cadenza.storage import due, enrollments, notifications, tasks
from cadenza.storage.database import Connection
from cadenza.storage.due import NewPlan
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.notifications import NewNotification
from cadenza.storage.rollups import Tally
from cadenza.storage.tasks import NewTask
from cadenza.variables import variables_for

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Happening:
    """An occurrence and whom it happened to. event_id: the stored event behind it, if any."""

    enrollment_id: EnrollmentId
    occurrence: Occurrence
    event_id: int | None = None


@dataclass
class _Change:
    """What one enrollment's happenings add up to."""

    before: Enrollment
    state: EnrollmentState
    reason: str | None
    replace_plan: bool = False
    plan: Planned | None = None
    effects: list[tuple[Effect, Happening]] = field(default_factory=list)
    tasks: list[NewTask] = field(default_factory=list)

    def take(self, transition: Transition, happening: Happening, reason: str | None) -> None:
        """Add what one happening changed. reason: why, if it moved the enrollment."""
        self.state = transition.state
        self.effects += [(effect, happening) for effect in transition.effects]
        if transition.replace_plan:
            self.replace_plan, self.plan = True, transition.plan
        if self.moved:
            self.reason = reason

    @property
    def left_its_step(self) -> bool:
        was = self.before.state
        return (was.step, was.visit) != (self.state.step, self.state.visit)

    @property
    def moved(self) -> bool:
        return self.left_its_step or self.before.state.status is not self.state.status

    @property
    def ended(self) -> bool:
        return self.moved and self.state.status is EnrollmentStatus.FINISHED


class Course:
    """Applies happenings to enrollments inside the caller's transaction."""

    def __init__(self, catalog: Catalog, accounts: Accounts, clock: Clock) -> None:
        self._catalog = catalog
        self._accounts = accounts
        self._clock = clock

    async def apply(self, tx: Connection, happenings: Sequence[Happening]) -> Tally:
        """Advance every enrollment concerned; what happened twice changes nothing.

        Enrollments are locked in order of their ids until the caller's
        transaction ends. Returns counts for the caller to add to the rollups
        as the last thing in the transaction.
        """
        if not happenings:
            return Tally()
        ids = sorted({h.enrollment_id for h in happenings})
        locked = await enrollments.lock(tx, ids)
        await self._catalog.load(tx, {e.version_id for e in locked.values()})
        changes = self._decide(locked, happenings)
        await self._write(tx, changes)
        return self._count(changes)

    def new_plan(self, enrollment_id: EnrollmentId, shard: int, cadence: Cadence,
                 profile: Profile, planned: Planned) -> NewPlan:  # fmt: skip
        """A planner's decision with the account that it will leave from."""
        account = None
        if planned.channel in SENDING_CHANNELS:
            group = cadence.groups.get(planned.channel, "default")
            account = self._accounts.choose(planned.channel, group, profile)
        return NewPlan(
            enrollment_id=enrollment_id,
            shard=shard,
            account=account.id if account else None,
            planned=planned,
        )

    def _decide(
        self,
        locked: Mapping[EnrollmentId, Enrollment],
        happenings: Sequence[Happening],
    ) -> Sequence[_Change]:
        # Read after the locks are held: a stop's time is then surely later
        # than that of every attempt that the journal let through before it.
        now = self._clock.now()
        changes: dict[EnrollmentId, _Change] = {}
        for happening in happenings:
            enrollment = locked.get(happening.enrollment_id)
            if enrollment is None:
                continue
            change = changes.setdefault(
                happening.enrollment_id,
                _Change(before=enrollment, state=enrollment.state, reason=enrollment.reason),
            )
            try:
                self._advance(change, happening, now)
            except Exception as error:  # noqa: BLE001 - it must not hold up everybody else's
                self._hold(change, happening, error)
        return [c for c in changes.values() if c.state != c.before.state or c.replace_plan]

    def _advance(self, change: _Change, happening: Happening, now: datetime) -> None:
        enrollment, occurrence = change.before, happening.occurrence
        transition = planner.advance(
            self._catalog[enrollment.version_id],
            change.state,
            enrollment.profile,
            occurrence,
            now,
        )
        # Rendered before anything is taken over: what cannot be rendered is not opened.
        change.tasks += [
            self._new_task(enrollment, effect, occurrence.at)
            for effect in transition.effects
            if effect.kind == "open_task"
        ]
        change.take(transition, happening, _reason(occurrence, transition.state))

    def _hold(self, change: _Change, happening: Happening, error: Exception) -> None:
        """Remember what happened, and pause, so that a person looks."""
        told = str(error)
        if not isinstance(error, RenderError):  # those are written for people
            told = type(error).__name__
            log.error("enrollment_held", error=traced(error))
        transition = planner.hold(change.state, happening.occurrence)
        change.take(transition, happening, f"cannot go on: {told}")

    async def _write(self, tx: Connection, changes: Sequence[_Change]) -> None:
        now = self._clock.now()
        await enrollments.save(
            tx, [(c.before.enrollment_id, c.state, c.reason) for c in changes], now
        )
        replaced = [c for c in changes if c.replace_plan]
        await due.forget(tx, [c.before.enrollment_id for c in replaced])
        await due.plan(
            tx,
            [
                self.new_plan(
                    c.before.enrollment_id,
                    c.before.shard,
                    self._catalog[c.before.version_id],
                    c.before.profile,
                    c.plan,
                )
                for c in replaced
                if c.plan is not None
            ],
        )
        for state, over in (
            ("cancelled", [c for c in changes if c.ended]),
            ("skipped", [c for c in changes if c.left_its_step and not c.ended]),
        ):
            await tasks.close_for(tx, [c.before.enrollment_id for c in over], state, now)
        await notifications.add(tx, list(_notifications(changes)), now)
        await tasks.open_tasks(tx, [task for change in changes for task in change.tasks])

    def _new_task(self, enrollment: Enrollment, effect: Effect, at: datetime) -> NewTask:
        """Raises RenderError."""
        step = self._catalog[enrollment.version_id].steps[effect.data["step"]]
        if not isinstance(step, TaskStep):
            raise TypeError(f"step {effect.data['step']!r} opens a task and is none")
        profile = enrollment.profile
        return NewTask(
            enrollment_id=enrollment.enrollment_id,
            step=effect.data["step"],
            visit=effect.data["visit"],
            owner_id=profile.owner_id,
            spec=step.render(variables_for(profile, self._accounts)),
            opened_at=at,
        )

    def _count(self, changes: Sequence[_Change]) -> Tally:
        tally = Tally()
        for change in changes:
            if change.ended:
                name = self._catalog[change.before.version_id].name
                tally[name, "", "", f"finished:{change.state.outcome}"] += 1
        return tally


def _notifications(changes: Sequence[_Change]) -> Iterable[NewNotification]:
    for change in changes:
        for effect, happening in change.effects:
            if effect.kind == "notify_owner":
                yield NewNotification(
                    owner_id=change.before.profile.owner_id,
                    enrollment_id=change.before.enrollment_id,
                    event_id=happening.event_id,
                    kind=effect.data["event"],
                )


def _reason(occurrence: Occurrence, state: EnrollmentState) -> str | None:
    """Why an enrollment is paused or ended, in words for `explain`."""
    if state.status is EnrollmentStatus.ACTIVE:
        return None
    reason = occurrence.data.get("reason")
    return str(reason) if reason else str(occurrence.event or occurrence.kind)
