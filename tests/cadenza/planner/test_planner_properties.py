"""What holds for every cadence, every person and everything that can happen to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.abc import Standing
from cadenza.calendars import TAIL_MARGIN, local_date
from cadenza.language.cadence import Cadence
from cadenza.model import (
    SENDING_CHANNELS,
    Channel,
    EnrollmentStatus,
    EventType,
    Occurrence,
    Planned,
    Profile,
    Transition,
)
from cadenza.planner import advance, place_again, start, state_from_json, state_to_json
from cadenza.steps.touch import TouchStep
from tests.cadenza.planner.courses import KIND_OF, cadence, person

HEADERS = (
    "days: business",
    'days: calendar\nwindow: {days: "mon-sun", hours: "00:00-24:00"}',
    'days: calendar\nwindow: {hours: "01:30-03:45", days: sat-sun, sms: {days: sun-mon}}',
    'window: {days: mon-sat, hours: "08:00-12:00"}\nexit: {replied: pause, bounced: continue}',
    "class: service\nexit: {replied: continue}",
)

STEPS = """
- step: hello
  social: connect
  day: 1
- step: intro
  email: mail
  day: 2
- step: soon
  sms: Hi
  after: 5 hours
- step: call
  task: call
  day: 4
  wait: 2 days
- step: fork
  branch:
    - when: disposition of call is connected
      go: late
    - when: clicked intro within 6 days
      go: rest
    - when: not opened intro within 1 day
      go: again
    - else: quick
- step: again
  email: follow
  thread: reply
  after: 2 days
- step: rounds
  branch:
    - when: again reached 3 times
      go: rest
    - else: fork
- step: quick
  task: todo
  wait: none
- step: rest
  wait: 3 days
- step: late
  email: mail
  day: 12
- step: same-day
  sms: Hi
  day: 12
- step: long
  email: mail
  after: 1 week
- step: last
  email: mail
  day: 20
- step: done
  end: no_response
"""

ZONES = (
    "Europe/Paris",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Cairo",
    "Pacific/Chatham",
)


@cache
def compiled(header: str) -> Cadence:
    return cadence(STEPS, header=header)


people = st.builds(
    person,
    key=st.text("abcdef0123456789", min_size=1, max_size=6),
    time_zone=st.sampled_from(ZONES),
    email=st.sampled_from(["zoe@example.org", None]),
    phone=st.sampled_from(["+33600000001", None]),
    profile=st.sampled_from(["zoe", None]),
)
moments = st.integers(0, 3 * 365 * 86400 * 1000).map(
    lambda number: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number)
)
lateness = st.one_of(
    st.just(timedelta()),
    st.timedeltas(timedelta(), timedelta(minutes=25)),
    st.timedeltas(timedelta(), timedelta(days=9)),
)
events = st.fixed_dictionaries(
    {
        "event": st.sampled_from(EventType),
        "step": st.sampled_from(["hello", "intro", "soon", "call", "late", None]),
        "disposition": st.sampled_from(["connected", "no_answer", "meeting_booked", None]),
    }
)
moves = st.lists(
    st.one_of(
        st.tuples(st.just("act"), lateness),
        st.tuples(st.just("act"), lateness),
        st.tuples(st.just("event"), events),
        st.tuples(st.sampled_from(["paused", "resumed", "stopped"]), st.none()),
    ),
    max_size=40,
)


@dataclass
class Course:
    """One enrollment under test; every move is checked against the rules."""

    cadence: Cadence
    profile: Profile
    now: datetime

    def __post_init__(self) -> None:
        self.acted: list[tuple[datetime, int, str]] = []
        self.plan: Planned | None = None
        self._take(start(self.cadence, self.profile, self.now))

    def _take(self, transition: Transition) -> None:
        self.state = transition.state
        if transition.replaced:
            self.plan = next(iter(transition.plans), None)
            check_plan(self.plan, self.cadence, self.profile, self.now)
        assert state_from_json(state_to_json(self.state)) == self.state
        if self.state.status is not EnrollmentStatus.ACTIVE:
            assert self.plan is None
        else:
            assert self.plan is not None
            assert (self.plan.step, self.plan.visit) == (self.state.step, self.state.visit)

    def apply(self, occurrence: Occurrence) -> None:
        before = self.state
        first = advance(self.cadence, before, self.profile, occurrence, self.now)
        assert first == advance(self.cadence, before, self.profile, occurrence, self.now)
        self._take(first)
        again = advance(self.cadence, self.state, self.profile, occurrence, self.now)
        assert again == Transition(state=self.state)

    def act(self, late_by: timedelta) -> None:
        plan = self.plan
        if plan is None:
            return
        day = self.planned_day()
        self.now = max(self.now, plan.due_at + late_by)
        data = {"visit": plan.visit}
        kind = KIND_OF.get(plan.channel, "sent")
        occurrence = Occurrence(kind=kind, at=self.now, step=plan.step, data=data)
        if kind == "elapsed":
            self._take(advance(self.cadence, self.state, self.profile, occurrence, self.now))
        else:
            self.apply(occurrence)
        if plan.channel in SENDING_CHANNELS and self.state.step != plan.step:
            self.acted.append((self.now, day, plan.step))

    def planned_day(self) -> int:
        """The day of the cadence on which the present step stands by the plan."""
        step = self.cadence.steps[self.state.step]
        if not isinstance(step, TouchStep):
            return 0
        standing = Standing(
            cadence=self.cadence, state=self.state, profile=self.profile, now=self.now
        )
        return step.timing.due(standing)[1]

    def move(self, name: str, what: Any) -> None:
        if name == "act":
            self.act(what)
        elif name == "event":
            self.apply(heard(what, self.now))
        else:
            self.apply(Occurrence(kind=name, at=self.now))
        self.now += timedelta(milliseconds=1)


def heard(what: Mapping[str, Any], now: datetime) -> Occurrence:
    disposition = what["disposition"] if what["event"] is EventType.TASK_DONE else None
    data = {"disposition": disposition} if disposition else {}
    return Occurrence(kind="event", event=what["event"], step=what["step"], at=now, data=data)


def check_plan(plan: Planned | None, course: Cadence, profile: Profile, now: datetime) -> None:
    """Not before its time, inside the window of its channel, on one of its weekdays."""
    if plan is None:
        return
    assert plan.due_at >= now
    assert plan.due_at.microsecond == 0
    if plan.channel is Channel.TIMER:
        assert plan.window_end is None
        return
    window = course.windows[plan.channel]
    wall = plan.due_at.astimezone(ZoneInfo(profile.time_zone))
    assert wall.weekday() in window.weekdays
    assert window.opens <= wall.hour * 60 + wall.minute < window.closes
    assert plan.window_end is not None
    assert plan.due_at + TAIL_MARGIN <= plan.window_end


@given(header=st.sampled_from(HEADERS), profile=people, begin=moments, moves=moves)
@settings(max_examples=150, deadline=None)
def test_whatever_happens_the_rules_hold(
    header: str, profile: Profile, begin: datetime, moves: list[tuple[str, Any]]
) -> None:
    course = Course(compiled(header), profile, begin)
    for name, what in moves:
        course.move(name, what)


@given(
    header=st.sampled_from(HEADERS),
    profile=people,
    begin=moments,
    late=st.lists(lateness, min_size=60, max_size=60),
    clicks=st.sets(st.integers(0, 59), max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_gaps_are_never_shorter_than_planned(
    header: str, profile: Profile, begin: datetime, late: list[timedelta], clicks: set[int]
) -> None:
    course = Course(compiled(header), profile, begin)
    for number, late_by in enumerate(late):
        course.act(late_by)
        if number in clicks:
            course.apply(heard({"event": EventType.CLICKED, "step": "intro"} | NO_WORD, course.now))
    days, zone = course.cadence.days, profile.time_zone
    for (before, first, _), (after, second, _) in zip(course.acted, course.acted[1:], strict=False):
        passed = days.between(local_date(before, zone), local_date(after, zone))
        assert passed >= second - first
        assert after >= before


NO_WORD = {"disposition": None}


@given(header=st.sampled_from(HEADERS), profile=people, begin=moments)
@settings(max_examples=100, deadline=None)
def test_everybody_who_never_reacts_reaches_the_end(
    header: str, profile: Profile, begin: datetime
) -> None:
    course = Course(compiled(header), profile, begin)
    for _ in range(40):
        course.act(timedelta())
    assert course.state.status is EnrollmentStatus.FINISHED
    assert course.state.step == "done"


@given(
    header=st.sampled_from(HEADERS),
    profile=people,
    begin=moments,
    acts=st.integers(0, 12),
    delay=st.timedeltas(timedelta(), timedelta(days=20)),
)
@settings(max_examples=100, deadline=None)
def test_deferred_touch_goes_at_its_turn_or_at_a_later_opening(
    header: str, profile: Profile, begin: datetime, acts: int, delay: timedelta
) -> None:
    course = Course(compiled(header), profile, begin)
    for _ in range(acts):
        course.act(timedelta())
    if course.plan is None or course.plan.channel is Channel.TIMER:
        return
    turn = course.plan.due_at + delay
    again = place_again(course.cadence, course.state, profile, turn)
    check_plan(again, course.cadence, profile, turn)
    assert (again.channel, again.step, again.visit) == (
        course.plan.channel,
        course.plan.step,
        course.plan.visit,
    )


@given(
    profile=people, begin=moments, delays=st.lists(st.timedeltas(timedelta(), timedelta(hours=9)))
)
def test_turns_that_were_given_keep_their_order(
    profile: Profile, begin: datetime, delays: list[timedelta]
) -> None:
    course = Course(compiled(HEADERS[0]), profile, begin)
    if course.plan is None or course.plan.channel is Channel.TIMER:
        return
    turns = [course.plan.due_at + delay for delay in sorted(delays)]
    placed = [place_again(course.cadence, course.state, profile, turn).due_at for turn in turns]
    assert placed == sorted(placed)
