"""From one version of a cadence to another, standing where one stood."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from cadenza.abc import Standing
from cadenza.calendars import WorkCalendar
from cadenza.language.cadence import Cadence
from cadenza.model import (
    MAIN,
    EnrollmentState,
    EnrollmentStatus,
    Position,
    Profile,
    Transition,
)
from cadenza.planner.course import go_on, names, plan_of
from cadenza.planner.positions import FORKED, enter, put
from cadenza.planner.rest import pause, unchanged
from cadenza.planner.variants import draw_variants


def migrate(
    old: Cadence, new: Cadence, state: EnrollmentState, mapping: Mapping[str, str]
) -> EnrollmentState:
    """Where an enrollment of `old` stands in `new`; gaps count as they did. Pure.

    Positions stay where their steps exist. mapping: step of the old
    version → step of the new one, for those that are gone and for those
    that shall be elsewhere. Lanes end with a parallel that is mapped.
    A finished enrollment stays as it is. Raises ValueError that names the
    step which needs a mapping.
    """
    if state.status is EnrollmentStatus.FINISHED or (old == new and not mapping):
        return state
    main = _target(new, state.step, MAIN, mapping)
    moved = _put(new, replace(state, lanes={}), state.at(MAIN), MAIN, main)
    ahead = [MAIN]
    while ahead:
        parent = ahead.pop()
        was = state.at(parent)
        if moved.at(parent) != was:
            continue
        of_new = new.steps[was.step].lanes()
        for lane in old.steps[was.step].lanes():
            if lane not in state.lanes:
                continue
            if lane not in of_new:
                step = state.lanes[lane].step
                raise ValueError(f"step {step!r} is gone with its lane {lane!r}: map {was.step!r}")
            target = _target(new, state.lanes[lane].step, lane, mapping)
            moved = _put(new, moved, state.lanes[lane], lane, target)
            ahead.append(lane)
    return moved


def migrated(
    old: Cadence,
    new: Cadence,
    state: EnrollmentState,
    profile: Profile,
    *,
    mapping: Mapping[str, str],
    now: datetime,
    calendar: WorkCalendar | None = None,
) -> Transition:
    """Take an enrollment to another version; what would be planned alike stays planned.

    Lanes that are new in a `parallel` at which it waits begin now. Raises
    ValueError as `migrate` does.
    """
    moved = migrate(old, new, state, mapping)
    if moved is state:
        return unchanged(state)
    drawn = draw_variants(new, profile)
    moved = _with_new_lanes(old, new, state, moved, now)
    moved = replace(
        moved,
        variants={e: _kept(new, e, state.variants.get(e), v) for e, v in drawn.items()},
        crm_status=moved.crm_status or (new.statuses.first if new.statuses else None),
    )
    if moved.status is EnrollmentStatus.PAUSED:
        if moved.paused_until is not None:
            return pause(moved, until=moved.paused_until, before=state)
        return Transition(state=moved, replaced=names(state))
    before = Standing(cadence=old, state=state, profile=profile, now=now, calendar=calendar)
    after = replace(before, cadence=new, state=moved)
    anew = [lane for lane in moved.positions() if _differs(before, after, lane)]
    return go_on(replace(before, cadence=new), moved, lanes=anew)


def _with_new_lanes(
    old: Cadence, new: Cadence, was: EnrollmentState, state: EnrollmentState, now: datetime
) -> EnrollmentState:
    """The state with the lanes that the new version adds where it waits for lanes already.

    Their gaps count from now, so that nothing in them is late. A lane with a
    first step that was visited is an old one by another name.
    """
    for lane, position in was.positions().items():
        step = position.step
        stays = state.positions().get(lane) == position
        if not stays or FORKED not in state.history.get(step, {}):
            continue
        day = position.reached_day
        for name, first in new.steps[step].lanes().items():
            if name not in old.steps[step].lanes() and first not in state.visits:
                state = enter(new, state, name, first, reached_at=now, reached_day=day)
    return state


def _target(new: Cadence, step: str, lane: str, mapping: Mapping[str, str]) -> str:
    target = mapping.get(step, step)
    if target not in new.steps:
        raise ValueError(f"step {target!r} is not in the new version: say where {step!r} goes")
    if new.lane_of.get(target, MAIN) != lane:
        where = f"lane {lane!r}" if lane else "no lane"
        raise ValueError(f"step {target!r} is not in {where}, where {step!r} was: map it elsewhere")
    return target


def _put(
    new: Cadence, state: EnrollmentState, was: Position, lane: str, target: str
) -> EnrollmentState:
    if target == was.step:
        return put(state, lane, was)
    at, day = was.reached_at, was.reached_day
    return enter(new, state, lane, target, reached_at=at, reached_day=day)


def _kept(new: Cadence, experiment: str, variant: str | None, drawn: str) -> str:
    """The variant that it has, if there still is such a one."""
    weights = new.experiments[experiment].weights
    return variant if variant is not None and variant in weights else drawn


def _differs(before: Standing, after: Standing, lane: str) -> bool:
    """Whether the position of `lane` is another one, or would plan otherwise than before."""
    position = after.state.at(lane)
    if before.state.positions().get(lane) != position:
        return True
    views = [replace(of, state=of.state.view(lane)) for of in (before, after)]
    verdicts = [of.cadence.steps[position.step].plan(of) for of in views]
    plans = [plan_of(of, verdict) for of, verdict in zip(views, verdicts, strict=True)]
    return verdicts[0] != verdicts[1] or plans[0] != plans[1]
