"""Runs the simulation from moment to moment, in the order in which a time-lapse does.

In each moment: what is planned, then new prospects, then what people do,
then the reps; again until nothing is left that is due.
"""

import gc
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from cadenza.calendars import NoOpening
from cadenza.enrolling.policy import Past, Places, refusal
from cadenza.model import Channel, EnrollmentStatus, Occurrence
from cadenza.timespec import day_of
from console.simulate.course import Course
from console.simulate.delivery import Delivery
from console.simulate.figures import Simulation, Tally
from console.simulate.halves import in_two, joined, may_split, split
from console.simulate.health import Health
from console.simulate.journey import Entry, Journey, OpenTask
from console.simulate.moments import Agenda, Moments, microseconds
from console.simulate.options import SimulateOptions
from console.simulate.outside import Outside, Sent
from console.simulate.pacing import LimitsBind, Pacing, SlotPacing, Used
from console.simulate.people import CheckedRow, Newcomer, Registry, check, messages
from console.simulate.reactions import Reactions
from console.simulate.suppressed import Suppressed
from sandbox.behaviour import Deed, disposition

_DAY = timedelta(days=1)


def simulate(options: SimulateOptions) -> Simulation:
    """Run it. Deterministic: the same options give the same result."""
    with _without_collection():
        numbered = list(enumerate(options.rows, start=1))
        if not may_split(options):
            return _one(options, check(numbered, options.accounts))
        middle = len(numbered) // 2
        first, second = in_two(
            lambda: check(numbered[:middle], options.accounts),
            lambda: check(numbered[middle:], options.accounts),
        )
        checked = [*first, *second]
        try:
            mine, theirs = split(checked)
            both = in_two(
                lambda: _half(options, checked, mine), lambda: _half(options, checked, theirs)
            )
            return joined(options.accounts, both)
        except LimitsBind:
            return _one(options, checked)


def _one(options: SimulateOptions, checked: Sequence[CheckedRow]) -> Simulation:
    pacing = SlotPacing(options.accounts, options.cadence, options.begins_at)
    return _Run(options, pacing, messages(options, checked)).result()


def _half(
    options: SimulateOptions, checked: Sequence[CheckedRow], members: frozenset[int]
) -> tuple[Simulation, Used]:
    """A run of some of the people; each is enrolled when they would be in a run of all."""
    used = Used()
    pacing = SlotPacing(options.accounts, options.cadence, options.begins_at, used)
    mine = [
        (at, [row for row in rows if row.number in members])
        for at, rows in messages(options, checked)
    ]
    return _Run(options, pacing, mine, used).result(), used


@contextmanager
def _without_collection() -> Iterator[None]:
    """Python's cycle collector rests: a run makes millions of values and hardly a cycle.

    It would look through all of them again and again, a fifth of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Run:
    def __init__(
        self,
        options: SimulateOptions,
        pacing: Pacing,
        ahead: Sequence[tuple[datetime, Sequence[CheckedRow]]],
        used: Used | None = None,
    ) -> None:
        self._options = options
        self._cadence = options.cadence
        self._moments = Moments(options.step, options.ends_at)
        self._plans: Agenda[Entry] = Agenda()
        self._deeds: Agenda[tuple[int, int, Deed, Sent]] = Agenda()
        self._tasks: Agenda[OpenTask] = Agenda()
        self._deed_count = 0
        self._tally = Tally()
        self._outside = Outside(options.seed, options.response)
        self._registry = Registry(accounts=options.accounts, cadence=options.cadence)
        self._messages = deque(ahead)
        self._course = Course(
            options, self._tally, pacing=pacing, plan=self._plan, open_task=self._open_task
        )
        suppressed = Suppressed(self._course, service=self._cadence.service)
        self._health = Health(options.accounts, self._tally, only_watching=used is not None)
        if used is not None:
            used.histories = self._health.histories
        pacing.resting = self._health.resting
        self._delivery = Delivery(
            options=options,
            outside=self._outside,
            pacing=pacing,
            course=self._course,
            suppressed=suppressed,
            health=self._health,
            tally=self._tally,
            react=self._react,
        )
        self._reactions = Reactions(
            options=options,
            outside=self._outside,
            course=self._course,
            suppressed=suppressed,
            health=self._health,
            tally=self._tally,
        )
        self._journeys: list[Journey] = []
        self._places: Places | None = None
        # Reps look at their tasks for the first time one period after the start, and then always.
        period = timedelta(minutes=options.response.poll_minutes)
        steps = -(-period // options.step)
        self._poll_every = max(steps, 1)
        self._first_moment = self._moments.of(options.begins_at)
        self._now = options.begins_at
        self._moment = self._first_moment

    def result(self) -> Simulation:
        """From the first moment to the last."""
        while True:
            self._live_through()
            following = self._next_moment()
            if following is None or following > self._moments.last:
                break
            self._moment, self._now = following, self._moments.time(following)
        return self._figures()

    def _next_moment(self) -> int | None:
        ahead = [self._plans.next, self._deeds.next, self._tasks.next]
        if self._messages:
            ahead.append(self._moments.of(self._messages[0][0]))
        return min((moment for moment in ahead if moment is not None), default=None)

    def _live_through(self) -> None:
        """Everything that is due in this moment."""
        moment = self._moment
        while True:
            # An account that rests is noticed when the next touches are taken up.
            self._health.judge(self._now)
            if entries := self._plans.take(moment):
                self._do_planned(entries)
            elif self._messages and self._messages[0][0] <= self._now:
                self._enroll(self._messages.popleft()[1])
            elif deeds := self._deeds.take(moment):
                for _, _, deed, sent in sorted(deeds, key=lambda item: item[:2]):
                    self._reactions.apply(deed, sent, self._now)
            elif tasks := self._tasks.take(moment):
                self._work(tasks)
            else:
                return

    def _do_planned(self, entries: list[Entry]) -> None:
        """Timers and tasks first, as a scheduler takes them, then what is to be sent."""
        entries.sort(key=lambda entry: (entry.due_at, entry.journey.number))
        touches = []
        for entry in entries:
            if entry.dead:
                continue
            if entry.planned.channel is Channel.TIMER:
                self._turn(entry, "elapsed")
            elif entry.planned.channel is Channel.TASK:
                self._turn(entry, "opened_task")
            else:
                touches.append(entry)
        for entry in touches:
            if not entry.dead:
                self._delivery.deliver(entry, self._now)

    def _turn(self, entry: Entry, kind: str) -> None:
        entry.dead = True
        journey, planned = entry.journey, entry.planned
        if journey.entries.get(planned.position) is entry:
            del journey.entries[planned.position]
        occurrence = Occurrence(
            kind=kind, at=self._now, step=planned.step, data={"visit": planned.visit}
        )
        self._course.advance(journey, occurrence, self._now)

    def _plan(self, entry: Entry) -> None:
        self._plans.add(max(self._moments.of(entry.due_at), self._moment), entry)

    def _react(self, sent: Sent, deeds: list[Deed]) -> None:
        now_us = microseconds(self._now)
        for deed in deeds:
            due_us = now_us + deed.delay_us
            if self._moments.holds(due_us):
                self._deed_count += 1
                moment = max(self._moments.of_us(due_us), self._moment)
                self._deeds.add(moment, (due_us, self._deed_count, deed, sent))

    def _open_task(self, task: OpenTask) -> None:
        """A rep does it when they next look after the day before it is due."""
        worked_from = max(self._moment, self._moments.of(task.due_at - _DAY))
        polls = max(1, -(-(worked_from - self._first_moment) // self._poll_every))
        self._tasks.add(self._first_moment + polls * self._poll_every, task)

    def _work(self, tasks: list[OpenTask]) -> None:
        for task in tasks:
            if not task.is_open:
                continue
            task.is_open = False
            journey = task.journey
            chosen = disposition(
                self._options.seed,
                person=journey.person,
                kind=task.kind,
                due_at=task.due_at.isoformat(),
                options=task.dispositions,
                weights=self._options.response.dispositions,
            )
            self._reactions.task_done(task, chosen, self._now)

    def _enroll(self, rows: Sequence[CheckedRow]) -> None:
        newcomers = self._registry.take(rows)
        if self._places is None:
            zone = self._options.accounts.organisation.time_zone
            self._places = Places(self._cadence.enroll, self._cadence.days, zone, {}, 0)
        for newcomer in newcomers:
            self._begin(newcomer, self._places)

    def _begin(self, newcomer: Newcomer, places: Places) -> None:
        identity = (newcomer.profile.key, newcomer.subject)
        before = self._course.by_identity.get(identity)
        if before is not None and before.state.status is not EnrollmentStatus.FINISHED:
            self._course.learn(before, newcomer)
            return self._registry.refuse(newcomer, "duplicate", "already active in this cadence")
        ended_at = self._course.ended_at.get(identity)
        reason = refusal(self._cadence, Past(ended_at=ended_at), self._now)
        if reason is not None:
            return self._registry.refuse(newcomer, "refused", reason)
        place = places.take(self._now)
        if isinstance(place, str):
            return self._registry.refuse(newcomer, "refused", place)
        starts_at = place.starts_at or self._now
        try:
            journey = self._course.start(newcomer, len(self._journeys) + 1, starts_at)
        except NoOpening as error:
            return self._registry.refuse(newcomer, "refused", str(error))
        self._journeys.append(journey)
        zone = self._options.accounts.organisation.time_zone
        self._tally.enrolled[day_of(starts_at, zone)] += 1
        return None

    def _figures(self) -> Simulation:
        statuses = [journey.state.status for journey in self._journeys]
        waiting: dict[str, int] = {}
        for journey in self._journeys:
            if journey.state.status is EnrollmentStatus.ACTIVE and not journey.entries:
                step = journey.state.step
                waiting[step] = waiting.get(step, 0) + 1
        return Simulation(
            cadence=self._cadence.name,
            start=self._options.start,
            days=self._options.days,
            seed=self._options.seed,
            rows=len(self._options.rows),
            enrolled=len(self._journeys),
            refused=self._registry.counts(),
            tally=self._tally.in_order(),
            active=statuses.count(EnrollmentStatus.ACTIVE),
            paused=statuses.count(EnrollmentStatus.PAUSED),
            waiting=waiting,
            steps=[(name, step.name) for name, step in self._cadence.steps.items()],
            zone=self._options.accounts.organisation.time_zone,
        )
