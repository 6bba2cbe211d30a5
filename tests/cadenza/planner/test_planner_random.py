"""What holds for every cadence that can be written, whatever happens."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings

from cadenza.abc import Standing
from cadenza.language.cadence import Cadence
from cadenza.model import (
    EnrollmentStatus,
    EventType,
    Occurrence,
    Planned,
    Profile,
    Transition,
    WaitUntil,
)
from cadenza.planner import (
    LogEntry,
    advance,
    migrate,
    migrated,
    replay,
    start,
    state_from_json,
    state_to_json,
)
from tests.cadenza.planner.courses import KIND_OF
from tests.cadenza.planner.random_courses import cadences, moves
from tests.cadenza.planner.test_planner_properties import check_plan, moments, people


@dataclass
class Course:
    """One enrollment under test; every move is checked against the rules, and logged."""

    cadence: Cadence
    profile: Profile
    now: datetime
    plans: dict[str, Planned] = field(default_factory=dict)
    log: list[LogEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log.append(LogEntry(now=self.now, kind="started", at=self.now))
        self._take(start(self.cadence, self.profile, self.now))

    def _take(self, transition: Transition) -> None:
        self.state = transition.state
        for position in transition.replaced:
            self.plans.pop(position, None)
        for plan in transition.plans:
            assert plan.position not in self.plans
            check_plan(plan, self.cadence, self.profile, self.now)
            self.plans[plan.position] = plan
        self._check()

    def _check(self) -> None:
        """Every position has its plan, or waits for something that has a name."""
        state = self.state
        assert state_from_json(state_to_json(state)) == state
        standing = {position.name for position in state.positions().values()}
        assert set(self.plans) <= standing
        if state.status is EnrollmentStatus.PAUSED:
            assert bool(self.plans) is (state.paused_until is not None)
        if state.status is EnrollmentStatus.FINISHED:
            assert not self.plans
            assert not state.lanes
        if state.status is not EnrollmentStatus.ACTIVE:
            return
        for lane, position in state.positions().items():
            if position.name in self.plans:
                continue
            view = Standing(
                cadence=self.cadence, state=state.view(lane), profile=self.profile, now=self.now
            )
            verdict = self.cadence.steps[position.step].plan(view)
            assert isinstance(verdict, WaitUntil)
            assert verdict.at is None
            assert verdict.waits_for

    def apply(self, occurrence: Occurrence) -> None:
        before = self.state
        first = advance(self.cadence, before, self.profile, occurrence, self.now)
        assert first == advance(self.cadence, before, self.profile, occurrence, self.now)
        self.log.append(
            LogEntry(
                now=self.now,
                kind=occurrence.kind,
                at=occurrence.at,
                step=occurrence.step,
                event=occurrence.event,
                data=occurrence.data,
            )
        )
        self._take(first)
        if occurrence.kind not in {"elapsed", "resumed"}:
            again = advance(self.cadence, self.state, self.profile, occurrence, self.now)
            assert again == Transition(state=self.state)

    def act(self, which: int, late_by: timedelta) -> None:
        if not self.plans:
            return
        plans = sorted(self.plans.values(), key=lambda plan: (plan.due_at, plan.position))
        plan = plans[which % len(plans)]
        self.now = max(self.now, plan.due_at + late_by)
        del self.plans[plan.position]
        kind, data = KIND_OF.get(plan.channel, "sent"), {"visit": plan.visit}
        self.apply(Occurrence(kind=kind, at=self.now, step=plan.step, data=data))

    def hear(self, which: int, event: str) -> None:
        known = sorted(self.state.visits)
        is_about_a_step = event in {*EventType, "raw:opened"}
        step = known[which % len(known)] if is_about_a_step else None
        visit = self.state.visits[step] - which % 2 if step else 0
        data: dict[str, Any] = {"visit": visit} if step and visit else {}
        if event == EventType.TASK_DONE:
            data["disposition"] = "done"
        self.apply(Occurrence(kind="event", event=event, step=step, at=self.now, data=data))

    def move(self, name: str, which: int, what: Any) -> None:
        if name == "act":
            self.act(which, what)
        elif name == "hear":
            self.hear(which, str(what))
        else:
            kind, data = what
            self.apply(Occurrence(kind=kind, at=self.now, data=data))
        self.now += timedelta(milliseconds=1)


def scenario(*, most: int) -> settings:
    return settings(
        max_examples=most,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@given(cadence=cadences(), profile=people, begin=moments, moves=moves)
@scenario(most=120)
def test_whatever_happens_the_rules_hold_and_the_log_leads_to_the_same_state(
    cadence: Cadence, profile: Profile, begin: datetime, moves: list[tuple[str, int, Any]]
) -> None:
    course = Course(cadence, profile, begin)
    for name, which, what in moves:
        course.move(name, which, what)
    assert replay(cadence, profile, course.log) == course.state
    assert migrate(cadence, cadence, course.state, {}) == course.state
    same = migrated(cadence, cadence, course.state, profile, mapping={}, now=course.now)
    assert same == Transition(state=course.state)


@given(cadence=cadences(), profile=people, begin=moments)
@scenario(most=80)
def test_everybody_reaches_an_end_once_what_they_wait_for_is_done(
    cadence: Cadence, profile: Profile, begin: datetime
) -> None:
    course = Course(cadence, profile, begin)
    for _ in range(600):
        if course.state.status is EnrollmentStatus.FINISHED:
            break
        if course.plans:
            course.act(0, timedelta())
            continue
        waiting = [p.step for p in course.state.positions().values()]
        for step in waiting:
            if cadence.steps[step].name == "task":
                data = {"disposition": "done", "visit": course.state.visits[step]}
                done = Occurrence(
                    kind="event", event="task_done", step=step, at=course.now, data=data
                )
                course.apply(done)
                break
        else:
            raise AssertionError(f"nothing will ever move it from {waiting}")
    assert course.state.step == "done"
