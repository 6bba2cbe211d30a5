"""The way from step to step, up to the next things that have to wait for their time.

An enrollment stands at one position, or, inside a `parallel`, at one more
for each of its lanes. A step sees the position of its own lane alone
(`EnrollmentState.view`); what happens is seen from all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from cadenza.abc import Standing
from cadenza.calendars import Window, WorkCalendar, both_open, draw, place, whole_second
from cadenza.evolve import evolve
from cadenza.language.cadence import Cadence
from cadenza.model import (
    MAIN,
    Act,
    Channel,
    Effect,
    EnrollmentState,
    EnrollmentStatus,
    Finish,
    Fork,
    GoTo,
    Outcome,
    Planned,
    Profile,
    Transition,
    Verdict,
    WaitUntil,
    position_name,
)
from cadenza.planner import positions
from cadenza.planner.variants import draw_variants

# Loops need time by rule (`cadenza.language.graph`), but a prospect without
# an address passes touches at once: a loop that is nothing else ends here.
MAX_MOVES = 1000


def start(
    cadence: Cadence,
    profile: Profile,
    now: datetime,
    heard: Mapping[str, datetime] | None = None,
    *,
    calendar: WorkCalendar | None = None,
) -> Transition:
    """Begin the cadence. Day 1 is today in the prospect's zone, or the next that counts.

    heard: what happened before that branches may ask for, and when:
    `colleague_replied` … calendar: the one that the prospect lives by.
    Raises NoOpening if the first touch can never go.
    """
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
        history={"": dict(heard)} if heard else {},
        variants=draw_variants(cadence, profile),
        crm_status=cadence.statuses.first if cadence.statuses else None,
    )
    standing = Standing(cadence=cadence, state=state, profile=profile, now=now, calendar=calendar)
    return go_on(standing, state, lanes=(MAIN,))


def go_on(
    standing: Standing,
    heard: EnrollmentState,
    *,
    lanes: Iterable[str] = (),
    effects: Sequence[Effect] = (),
) -> Transition:
    """Move on after something happened, until every position waits for its time, or all ends.

    standing: as it was before. heard: its state with what happened. lanes:
    those whose positions are to be planned anew; of the others only those
    whose step decides otherwise than before.
    """
    walk = _Walk(standing, heard, effects)
    ahead: list[str] = list(lanes)
    while walk.state.status is EnrollmentStatus.ACTIVE:
        lane = ahead.pop(0) if ahead else walk.next_changed()
        if lane is None:
            return walk.transition()
        if lane in walk.places:
            ahead += walk.move(lane)
    return finish(standing, walk.state, walk.state.outcome or Outcome.STOPPED, walk.effects)


def finish(
    standing: Standing,
    state: EnrollmentState,
    outcome: Outcome,
    effects: Sequence[Effect] = (),
) -> Transition:
    """The end, with `outcome`: all positions but the main one are left.

    standing: as it was before this occurrence. state: as it is now. A
    status that is taken at the end is taken here.
    """
    statuses = standing.cadence.statuses
    closing = statuses.at_end(state.crm_status) if statuses else None
    if closing is not None:
        effects = (*effects, Effect(kind="status", data={"status": closing}))
    ended = evolve(
        state,
        status=EnrollmentStatus.FINISHED,
        outcome=outcome,
        crm_status=closing or state.crm_status,
        lanes={},
        paused_until=None,
    )
    return Transition(
        state=ended, replaced=names(standing.state) | names(state), effects=tuple(effects)
    )


def names(state: EnrollmentState) -> frozenset[str]:
    """The names of all positions."""
    main = position_name(state.step, state.visit)
    if not state.lanes:
        return frozenset((main,))
    return frozenset((main, *(position.name for position in state.lanes.values())))


def place_again(
    cadence: Cadence,
    state: EnrollmentState,
    profile: Profile,
    not_before: datetime,
    *,
    step: str | None = None,
    calendar: WorkCalendar | None = None,
    within: Window | None = None,
    at_once: bool = True,
) -> Planned:
    """What `step` (None: that of the main position) has planned, after a deferral.

    It goes at `not_before` if that lies in the step's window, to the second
    so that touches which were given turns keep their order; else, or without
    `at_once`, it is spread over what is left of the window's next opening.
    within: its account's own window. Raises ValueError if the step has
    nothing left to plan, and NoOpening.
    """
    lane = state.lane_at(step or state.step)
    if lane is None:
        raise ValueError(f"the enrollment does not stand at step {step!r}")
    standing = Standing(
        cadence=cadence,
        state=state.view(lane),
        profile=profile,
        now=not_before,
        calendar=calendar,
    )
    verdict = cadence.steps[standing.state.step].plan(standing)
    planned = plan_of(standing, verdict, within=within, at_once=at_once)
    if planned is None:
        raise ValueError(f"step {standing.state.step!r} is over; advance the enrollment instead")
    return planned


def plan_of(
    standing: Standing, verdict: Verdict, *, within: Window | None = None, at_once: bool = False
) -> Planned | None:
    """What `verdict` puts into the plan; None if it moves on, or waits without a time.

    within: a window in which it has to lie as well. Raises NoOpening.
    """
    state, profile, cadence = standing.state, standing.profile, standing.cadence
    if isinstance(verdict, WaitUntil) and verdict.at is not None:
        return timer(state, verdict.at)
    if not isinstance(verdict, Act):
        return None
    not_before = max(verdict.not_before, standing.now)
    slot = place(
        both_open(cadence.windows[verdict.channel], within),
        profile.time_zone,
        not_before,
        drawn=draw(profile.key, cadence.name, state.step, state.visit),
        # A system is told when it happens: no person's day is to be spread over.
        at_once=at_once or verdict.channel is Channel.WEBHOOK,
        calendar=standing.calendar,
        channel=verdict.channel,
        service=cadence.service,
    )
    return Planned(
        channel=verdict.channel,
        step=state.step,
        visit=state.visit,
        due_at=slot.due_at,
        window_end=slot.window_end,
        not_before=not_before,
    )


def timer(state: EnrollmentState, at: datetime) -> Planned:
    """A timer for the main position."""
    return Planned(
        channel=Channel.TIMER,
        step=state.step,
        visit=state.visit,
        due_at=whole_second(at),
        window_end=None,
    )


class _Walk:
    """The moves that follow from one occurrence."""

    def __init__(
        self, standing: Standing, heard: EnrollmentState, effects: Sequence[Effect]
    ) -> None:
        self._standing = standing
        self.state = heard
        self.effects = list(effects)
        self._plans: dict[str, Planned | None] = {}
        # What each lane's step last decided upon; what it would decide now may differ.
        self._seen = dict.fromkeys((MAIN, *standing.state.lanes), standing.state)
        self._moves = 0

    @property
    def places(self) -> Iterable[str]:
        """The lanes in which it stands now."""
        return (MAIN, *sorted(self.state.lanes))

    def move(self, lane: str) -> Sequence[str]:
        """Let the position of `lane` go on until it rests; returns lanes to look at next."""
        while True:
            self._moves += 1
            if self._moves > MAX_MOVES:
                self._end(Outcome.STOPPED)
                return ()
            here = self._view(self.state, lane)
            step = self._standing.cadence.steps[here.state.step]
            match step.plan(here):
                case GoTo() as verdict:
                    self._take(verdict.effects)
                    self.state, parent = positions.leave(here, self.state, lane, verdict)
                    self._forget_lanes()
                    if parent is not None:
                        return (parent,)
                case Finish(outcome=outcome, effects=effects):
                    self._take(effects)
                    self._end(outcome)
                    return ()
                case Fork(lanes=lanes):
                    self.state = positions.fork(here, self.state, lane, lanes)
                    return (*lanes, lane)
                case verdict:
                    self._plans[lane] = plan_of(here, verdict)
                    self._seen[lane] = self.state
                    return ()

    def next_changed(self) -> str | None:
        """A lane that would decide otherwise, now that others moved; None if none would."""
        for lane in self.places:
            seen = self._seen.get(lane)
            if seen is self.state:
                continue
            if seen is None:
                return lane
            step = self._standing.cadence.steps[self.state.at(lane).step]
            before, after = self._view(seen, lane), self._view(self.state, lane)
            if step.plan(before) != step.plan(after):
                return lane
            self._seen[lane] = self.state
        return None

    def transition(self) -> Transition:
        """All of it, once nothing moves any more."""
        before, now = self._standing.state, names(self.state)
        places = {MAIN: position_name(before.step, before.visit)}
        places |= {lane: position.name for lane, position in before.lanes.items()}
        left = {name for lane, name in places.items() if lane in self._plans or name not in now}
        plans = [plan for plan in self._plans.values() if plan is not None]
        return Transition(
            state=self.state,
            replaced=frozenset(left),
            plans=tuple(plan for plan in plans if plan.position in now),
            effects=tuple(self.effects),
        )

    def _view(self, state: EnrollmentState, lane: str) -> Standing:
        return evolve(self._standing, state=state.view(lane))

    def _end(self, outcome: Outcome) -> None:
        self.state = evolve(self.state, status=EnrollmentStatus.FINISHED, outcome=outcome)

    def _take(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if effect.kind == "status":
                statuses, status = self._standing.cadence.statuses, effect.data["status"]
                if not statuses or not statuses.may_become(self.state.crm_status, status):
                    continue
                self.state = evolve(self.state, crm_status=status)
            self.effects.append(effect)

    def _forget_lanes(self) -> None:
        """Lanes that were dropped with their parallel have no plans either."""
        for lane in [lane for lane in self._seen if lane not in self.places]:
            self._seen.pop(lane)
            self._plans.pop(lane, None)
