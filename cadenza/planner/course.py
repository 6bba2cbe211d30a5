"""The way from step to step, up to the next thing that has to wait for its time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cadenza.abc import Act, Finish, GoTo, Standing, WaitUntil
from cadenza.calendar import draw, place, whole_second
from cadenza.language.cadence import Cadence
from cadenza.model import (
    Channel,
    Effect,
    EnrollmentState,
    EnrollmentStatus,
    Outcome,
    Planned,
    Profile,
    Transition,
)

# Loops need time by rule (`cadenza.language.graph`), but a prospect without
# an address passes touches at once: a loop that is nothing else ends here.
MAX_MOVES = 1000


def start(cadence: Cadence, profile: Profile, now: datetime) -> Transition:
    """Begin the cadence. Day 1 is today in the prospect's zone, or the next that counts."""
    step = cadence.first_step()
    state = EnrollmentState(
        status=EnrollmentStatus.ACTIVE,
        outcome=None,
        step=step,
        visit=1,
        visits={step: 1},
        started_at=now,
        reached_at=now,
        reached_day=1,
        history={},
    )
    return walk(cadence, state, profile, now)


def walk(
    cadence: Cadence,
    state: EnrollmentState,
    profile: Profile,
    now: datetime,
    effects: Sequence[Effect] = (),
) -> Transition:
    """Go on from the present step until something waits for its time, or all ends."""
    for _ in range(MAX_MOVES):
        standing = Standing(cadence=cadence, state=state, profile=profile, now=now)
        verdict = cadence.steps[state.step].plan(standing)
        if isinstance(verdict, GoTo):
            state = _enter(cadence, state, verdict, now)
            continue
        if isinstance(verdict, Finish):
            return finish(state, verdict.outcome, effects)
        plan = _planned(standing, verdict, at_once=False)
        return Transition(state=state, replace_plan=True, plan=plan, effects=effects)
    return finish(state, Outcome.STOPPED, effects)


def finish(state: EnrollmentState, outcome: Outcome, effects: Sequence[Effect] = ()) -> Transition:
    """The end, with `outcome`."""
    ended = replace(state, status=EnrollmentStatus.FINISHED, outcome=outcome)
    return Transition(state=ended, replace_plan=True, plan=None, effects=effects)


def place_again(
    cadence: Cadence, state: EnrollmentState, profile: Profile, not_before: datetime
) -> Planned:
    """What the present step has planned, after a deferral.

    It goes at `not_before` if that lies in the step's window, to the second
    so that touches which were given turns keep their order; else it is
    spread over the window's next opening. Raises ValueError if the step
    has nothing left to plan.
    """
    standing = Standing(cadence=cadence, state=state, profile=profile, now=not_before)
    verdict = cadence.steps[state.step].plan(standing)
    if isinstance(verdict, (GoTo, Finish)):
        raise ValueError(f"step {state.step!r} is over; advance the enrollment instead")
    return _planned(standing, verdict, at_once=True)


def _enter(
    cadence: Cadence, state: EnrollmentState, verdict: GoTo, now: datetime
) -> EnrollmentState:
    step = verdict.step or cadence.following[state.step]
    visit = state.visits.get(step, 0) + 1
    history = state.history
    if verdict.skipped:
        history = {**history, state.step: {**history.get(state.step, {}), "skipped": now}}
    if visit > 1 and step in history:
        # What happened on the last visit is not about this one.
        history = {name: of for name, of in history.items() if name != step}
    return EnrollmentState(
        status=state.status,
        outcome=None,
        step=step,
        visit=visit,
        visits={**state.visits, step: visit},
        started_at=state.started_at,
        reached_at=verdict.reached_at,
        reached_day=verdict.reached_day,
        history=history,
    )


def _planned(standing: Standing, verdict: Act | WaitUntil, *, at_once: bool) -> Planned:
    state, profile, cadence = standing.state, standing.profile, standing.cadence
    if isinstance(verdict, WaitUntil):
        return Planned(
            channel=Channel.TIMER,
            step=state.step,
            visit=state.visit,
            due_at=whole_second(verdict.at),
            window_end=None,
        )
    slot = place(
        cadence.windows[verdict.channel],
        profile.time_zone,
        max(verdict.not_before, standing.now),
        drawn=draw(profile.key, cadence.name, state.step, state.visit),
        at_once=at_once,
    )
    return Planned(
        channel=verdict.channel,
        step=state.step,
        visit=state.visit,
        due_at=slot.due_at,
        window_end=slot.window_end,
    )
