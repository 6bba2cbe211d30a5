"""What happenings make of enrollments that are held: the planner decides, nothing is written."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from cadenza import planner
from cadenza.course.changing import Change, Happening
from cadenza.course.holding import hold
from cadenza.course.opening import new_task
from cadenza.ground import Ground
from cadenza.model import EnrollmentId, EnrollmentState, EnrollmentStatus, Occurrence, VersionId
from cadenza.storage.enrollments import Enrollment


def decide(
    ground: Ground,
    locked: Mapping[EnrollmentId, Enrollment],
    happenings: Sequence[Happening],
    changes: dict[EnrollmentId, Change],
    now: datetime,
) -> Sequence[Happening]:
    """Add to `changes` what each happening changes, in their order.

    Returns what has to wait until a move into another cadence is settled.
    """
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
            _advance(ground, change, happening, now)
        except Exception as error:
            if happening.occurrence.kind == planner.MIGRATED:
                raise  # a person waits for the answer, and nothing has happened yet
            # Whatever it is, it must not hold up everybody else's.
            hold(change, happening, error, now)
    return waiting


def reason_of(occurrence: Occurrence, state: EnrollmentState) -> str | None:
    """Why an enrollment is paused or ended, in words for `explain`."""
    if state.status is EnrollmentStatus.ACTIVE:
        return None
    reason = occurrence.data.get("reason")
    return str(reason) if reason else str(occurrence.event or occurrence.kind)


def _advance(ground: Ground, change: Change, happening: Happening, now: datetime) -> None:
    enrollment, occurrence = change.before, happening.occurrence
    if occurrence.kind == planner.MIGRATED:
        _migrate(ground, change, happening, now)
        return
    cadence = ground.catalog[change.version]
    transition = planner.advance(
        cadence,
        change.state,
        enrollment.profile,
        occurrence,
        now,
        calendar=ground.accounts.places.of(enrollment.profile),
    )
    # Rendered before anything is taken over: what cannot be rendered is not opened.
    new_tasks = [
        new_task(enrollment, cadence, effect, occurrence.at, ground.accounts)
        for effect in transition.effects
        if effect.kind == "open_task"
    ]
    if any(effect.kind == "move_to" for effect in transition.effects):
        change.moving = (transition, happening, new_tasks)
        return
    change.tasks += new_tasks
    change.take(transition, happening, reason_of(occurrence, transition.state), now=now)


def _migrate(ground: Ground, change: Change, happening: Happening, now: datetime) -> None:
    profile, data = change.before.profile, happening.occurrence.data
    version = VersionId(data["version"])
    transition = planner.migrated(
        ground.catalog[change.version],
        ground.catalog[version],
        change.state,
        profile,
        mapping=data.get("mapping", {}),
        now=now,
        calendar=ground.accounts.places.of(profile),
    )
    change.migrate(version, transition, happening, now)
