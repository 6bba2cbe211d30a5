"""Explains one enrollment: the way it came, where it stands, and what it waits for."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cadenza.abc import Standing
from cadenza.errors import UnknownName
from cadenza.fence import Fence
from cadenza.ground import Ground
from cadenza.insight.gates import Gate, earliest, gates_of
from cadenza.insight.reasons import in_words
from cadenza.language.cadence import Cadence
from cadenza.model import (
    Channel,
    EnrollmentId,
    EnrollmentState,
    EnrollmentStatus,
    Profile,
    WaitUntil,
)
from cadenza.storage import enrollments, events, explain, suppressions
from cadenza.storage.database import Connection
from cadenza.storage.due import DueTouch
from cadenza.storage.explain import Holding, LedgerTouch, Overview, TaskLine
from cadenza.storage.suppressions import keys_of

_RAW = "raw:"
_BATCH = {
    "staged": "it is cut into batch {batch_id}, which leaves at its minute",
    "released": "batch {batch_id} waits for a worker",
    "claimed": "batch {batch_id} is being sent by {worker}",
}


@dataclass(frozen=True, kw_only=True)
class StepLine:
    """A step that was visited. happened: what, and first when, on its present visit."""

    step: str
    kind: str
    visits: int
    is_present: bool
    happened: Mapping[str, datetime]


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One thing that the enrollment waits for.

    kind: `touch` (planned), `batch` (a touch in one), `opening` (of a
    task), `timer`, `task` (an open one) or `event` (something named, that
    has no time). at: when it goes, opens, ends or is due. first_at: when a
    touch was first to go. reason: why it was put off since. gates: all that
    holds it now. earliest: when it can go, as things stand; None: not
    before somebody does something. says: all of it in words, without times.
    """

    kind: str
    step: str
    at: datetime | None
    says: str
    first_at: datetime | None = None
    window_end: datetime | None = None
    account: str | None = None
    attempts: int = 0
    reason: str | None = None
    batch_id: int | None = None
    task_id: int | None = None
    gates: Sequence[Gate] = ()
    earliest: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """All of it. day: of the cadence, by the plan. suppressed: keys of the prospect on the list."""

    enrollment: Overview
    title: str
    step: str
    day: int
    prospect: Mapping[str, Any]
    steps: Sequence[StepLine]
    touches: Sequence[LedgerTouch]
    events: Sequence[Mapping[str, Any]]
    tasks: Sequence[TaskLine]
    waits_for: Sequence[Waiting] = field(default_factory=tuple)
    suppressed: Sequence[str] = field(default_factory=tuple)


async def explain_enrollment(
    db: Connection, ground: Ground, fence: Fence, enrollment_id: EnrollmentId, *, now: datetime
) -> Explanation:
    """Explain it as it is now. Raises UnknownName."""
    catalog = ground.catalog
    overview = await explain.overview(db, enrollment_id)
    if overview is None:
        raise UnknownName(f"there is no enrollment {enrollment_id}")
    known = (await enrollments.load(db, [enrollment_id]))[enrollment_id]
    await catalog.load(db, [known.version_id])
    cadence, profile, state = catalog[known.version_id], known.profile, known.state
    tasks = await explain.tasks(db, enrollment_id)
    waits_for: list[Waiting] = []
    closed = await fence.closed(db)
    for due in await explain.planned(db, enrollment_id):
        waiting = _planned(due)
        if due.channel is not Channel.TIMER:
            held_by = await gates_of(db, ground, known, due, fence=closed, now=now)
            soonest = earliest(due.due_at, held_by)
            waiting = replace(waiting, gates=held_by, earliest=soonest)
        waits_for.append(waiting)
    if state.status is EnrollmentStatus.ACTIVE:
        waits_for += [_task(task) for task in tasks if task.state == "open"]
        calendar = ground.accounts.places.of(profile)
        standing = Standing(
            cadence=cadence, state=state, profile=profile, now=now, calendar=calendar
        )
        waits_for += _named(standing, {waiting.step for waiting in waits_for})
    # Also of one that was stopped: what a worker has is told until it is settled.
    held = await explain.holding(db, enrollment_id)
    waits_for += [_held(held)] if held else []
    keys = keys_of(
        key=profile.key,
        email=profile.email,
        phone=profile.phone,
        social=profile.profile,
        service=False,  # of both kinds: the gates say what holds this one
    )
    return Explanation(
        enrollment=overview,
        title=cadence.title,
        step=state.step,
        day=state.reached_day,
        prospect=_person(profile, known.company),
        steps=_steps(cadence, state),
        touches=await explain.touches(db, enrollment_id),
        events=[dict(row) for row in await events.of_enrollment(db, enrollment_id)],
        tasks=tasks,
        waits_for=waits_for,
        suppressed=sorted(await suppressions.among(db, keys)),
    )


def _person(profile: Profile, company: str | None) -> Mapping[str, Any]:
    return {
        "key": profile.key,
        "first_name": profile.fields.get("first_name"),
        "last_name": profile.fields.get("last_name"),
        "company": profile.fields.get("company") or company,
        "email": profile.email,
        "phone": profile.phone,
        "linkedin": profile.profile,
        "owner": profile.owner_id,
        "time_zone": profile.time_zone,
    }


def _steps(cadence: Cadence, state: EnrollmentState) -> Sequence[StepLine]:
    return [
        StepLine(
            step=step_id,
            kind=step.name,
            visits=state.visits[step_id],
            is_present=state.lane_at(step_id) is not None,
            happened=_happened(state.history.get(step_id, {})),
        )
        for step_id, step in cadence.steps.items()
        if step_id in state.visits
    ]


def _happened(marks: Mapping[str, datetime]) -> Mapping[str, datetime]:
    """In order of time; what a machine did only where no person did the same."""
    told = {
        what: at
        for what, at in marks.items()
        if not what.startswith(_RAW) or what.removeprefix(_RAW) not in marks
    }
    return dict(sorted(told.items(), key=lambda item: item[1]))


def _planned(due: DueTouch) -> Waiting:
    match due.channel:
        case Channel.TIMER:
            kind, says = "timer", f"stays at step {due.step}, unless something happens before"
        case Channel.TASK:
            kind, says = "opening", f"the task of step {due.step} opens"
        case _:
            account = f" from {due.account}" if due.account else ""
            kind, says = "touch", f"the {due.channel} touch of step {due.step} goes{account}"
    if due.reason:
        says += f"; put off: {in_words(due.reason)}"
    return Waiting(
        kind=kind,
        step=due.step,
        at=due.due_at,
        says=says,
        first_at=due.planned_at,
        window_end=due.window_end,
        account=due.account,
        attempts=due.attempts,
        reason=due.reason,
    )


def _named(standing: Standing, known: Collection[str]) -> Iterator[Waiting]:
    """What positions wait for that have no time, and nothing else that tells of them."""
    for lane, position in standing.state.positions().items():
        if position.step in known:
            continue
        view = replace(standing, state=standing.state.view(lane))
        verdict = standing.cadence.steps[position.step].plan(view)
        if isinstance(verdict, WaitUntil) and verdict.at is None:
            says = f"step {position.step} waits for {verdict.waits_for}"
            yield Waiting(kind="event", step=position.step, at=None, says=says)


def _held(held: Holding) -> Waiting:
    touch = held.touch
    how = _BATCH[held.state].format(batch_id=held.batch_id, worker=held.worker)
    return Waiting(
        kind="batch",
        step=touch.step,
        at=held.release_at,
        says=f"the {touch.channel} touch of step {touch.step} goes now: {how}",
        first_at=touch.planned_at,
        window_end=touch.window_end,
        account=touch.account,
        attempts=touch.attempts,
        reason=touch.reason,
        batch_id=held.batch_id,
    )


def _task(task: TaskLine) -> Waiting:
    return Waiting(
        kind="task",
        step=task.step,
        at=task.due_at,
        says=f"task {task.task_id} ({task.kind}) is to be done by {task.owner}",
        task_id=task.task_id,
    )
