"""The course of enrollments in memory: what `cadenza.course.course` does with rows."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from cadenza import planner
from cadenza.calendars import NoOpening
from cadenza.course.consequences import word_for_colleagues
from cadenza.enrolling.starting import COLLEAGUES_TELL
from cadenza.language.listening import hears_colleagues
from cadenza.model import (
    SENDING_CHANNELS,
    Effect,
    EnrollmentState,
    EnrollmentStatus,
    Occurrence,
    Planned,
    ProspectId,
    Transition,
)
from cadenza.steps.task import TaskStep
from console.simulate.figures import End, Tally, Task
from console.simulate.journey import Entry, Journey, OpenTask
from console.simulate.options import SimulateOptions
from console.simulate.pacing import Pacing
from console.simulate.people import Newcomer

_REMEMBERED = timedelta(days=90)


class Course:
    """Advances enrollments and keeps what they have planned.

    plan, open_task: told of everything that is newly planned or opened.
    """

    def __init__(
        self,
        options: SimulateOptions,
        tally: Tally,
        *,
        pacing: Pacing,
        plan: Callable[[Entry], None],
        open_task: Callable[[OpenTask], None],
    ) -> None:
        self._cadence = options.cadence
        self._accounts = options.accounts
        self._tally = tally
        self._pacing = pacing
        self._plan = plan
        self._open_task = open_task
        self.by_identity: dict[tuple[str, str], Journey] = {}
        self.ended_at: dict[tuple[str, str], datetime] = {}
        self.by_company: defaultdict[str, list[Journey]] = defaultdict(list)
        self._told: defaultdict[str, list[tuple[str, ProspectId, datetime]]] = defaultdict(list)
        self.at_address: defaultdict[tuple[str, str], list[Journey]] = defaultdict(list)

    def start(self, newcomer: Newcomer, number: int, now: datetime) -> Journey:
        """Begin an enrollment. Raises NoOpening if there is no time for its first step."""
        calendar = self._accounts.places.of(newcomer.profile)
        heard = self._heard(newcomer, now)
        transition = planner.start(self._cadence, newcomer.profile, now, heard, calendar=calendar)
        journey = Journey(
            number=number,
            profile=newcomer.profile,
            company=newcomer.company,
            subject=newcomer.subject,
            calendar=calendar,
            state=transition.state,
        )
        self.by_identity[newcomer.profile.key, newcomer.subject] = journey
        if newcomer.company is not None:
            self.by_company[newcomer.company].append(journey)
        profile = journey.profile
        for kind, address in (
            ("email", profile.email), ("phone", profile.phone), ("social", profile.profile)
        ):  # fmt: skip
            if address is not None:
                self.at_address[kind, address].append(journey)
        self._take(journey, transition, now, is_new=True)
        return journey

    def learn(self, journey: Journey, newcomer: Newcomer) -> None:
        """A row about somebody who is under way says more of them."""
        journey.profile, journey.company = newcomer.profile, newcomer.company
        journey.calendar = self._accounts.places.of(newcomer.profile)

    def advance(self, journey: Journey, occurrence: Occurrence, now: datetime) -> None:
        """What `occurrence` changes."""
        try:
            transition = planner.advance(
                self._cadence,
                journey.state,
                journey.profile,
                occurrence,
                now,
                calendar=journey.calendar,
            )
        except NoOpening:
            self._tally.held["no_opening"] += 1
            transition = planner.hold(journey.state, occurrence)
        if transition.state is not journey.state or transition.replaced or transition.effects:
            self._take(journey, transition, now)

    def _take(
        self, journey: Journey, transition: Transition, now: datetime, *, is_new: bool = False
    ) -> None:
        before, journey.state = journey.state, transition.state
        for position in transition.replaced:
            entry = journey.entries.pop(position, None)
            if entry is not None:
                entry.dead = True
                self._pacing.dropped(entry)
        for planned in transition.plans:
            self._put(journey, planned, now)
        state = journey.state
        has_ended = state.status is EnrollmentStatus.FINISHED and (
            is_new or before.status is not EnrollmentStatus.FINISHED
        )
        if journey.tasks:
            _close_tasks(journey, before, has_ended=has_ended)
        if has_ended:
            self._end(journey, now)
        for effect in transition.effects:
            self._bring_about(journey, effect, now)

    def _put(self, journey: Journey, planned: Planned, now: datetime) -> None:
        if planned.channel in SENDING_CHANNELS:
            entry = self._pacing.plan(journey, planned, now)
            if entry.rule is not None:
                self._tally.deferred[entry.account or "", entry.rule] += 1
        else:
            due_at = planned.due_at
            entry = Entry(journey, planned, None, due_at, planned.window_end, due_at)
        journey.entries[planned.position] = entry
        self._plan(entry)

    def again(self, entry: Entry, due_at: datetime, window_end: datetime | None) -> None:
        """Put a touch off."""
        self._pacing.again(entry, due_at, window_end)
        self._plan(entry)

    def _end(self, journey: Journey, now: datetime) -> None:
        outcome = journey.state.outcome
        if outcome is not None:
            self.ended_at[journey.profile.key, journey.subject] = now
            self._tally.ends.append(End(journey.name, now, outcome))

    def _bring_about(self, journey: Journey, effect: Effect, now: datetime) -> None:
        match effect.kind:
            case "open_task":
                self._open(journey, effect.data["step"], effect.data["visit"], now)
            case "move_to":
                self._tally.moved_on[effect.data["cadence"]] += 1
            case "colleagues" | "tell_colleagues":
                self._tell(journey, effect, now)

    def _open(self, journey: Journey, step_id: str, visit: int, now: datetime) -> None:
        step = self._cadence.steps[step_id]
        if not isinstance(step, TaskStep):
            raise TypeError(f"step {step_id!r} opens a task and is none")
        task = OpenTask(journey, step_id, visit, step.kind, step.dispositions, now + step.due_in)
        journey.tasks.append(task)
        self._tally.tasks.append(Task(journey.name, step_id, visit, step.kind, now))
        self._open_task(task)

    def note_for_colleagues(self, journey: Journey, event: str, now: datetime) -> None:
        """Remember what somebody did: colleagues who begin later start out knowing it."""
        if journey.company is not None and event in COLLEAGUES_TELL:
            self._told[journey.company].append((event, journey.profile.prospect_id, now))

    def _heard(self, newcomer: Newcomer, now: datetime) -> Mapping[str, datetime]:
        if newcomer.company is None or not hears_colleagues(self._cadence):
            return {}
        return {
            f"colleague_{event}": at
            for event, who, at in self._told[newcomer.company]  # the latest comes last
            if who != newcomer.profile.prospect_id and at >= now - _REMEMBERED
        }

    def _tell(self, journey: Journey, effect: Effect, now: datetime) -> None:
        """Let the others at the company hear of it."""
        occurrence = word_for_colleagues(effect, self._cadence, now)
        if journey.company is None or occurrence is None:
            return
        for other in self.by_company[journey.company]:
            is_other = other.profile.prospect_id != journey.profile.prospect_id
            if is_other and other.state.status is not EnrollmentStatus.FINISHED:
                self.advance(other, occurrence, now)


def _close_tasks(journey: Journey, before: EnrollmentState, *, has_ended: bool) -> None:
    """Tasks of the places that are left now are nobody's any more; at the end none is."""
    state = journey.state
    for task in journey.tasks:
        is_left = before.stands_at(task.step, task.visit) and not state.stands_at(
            task.step, task.visit
        )
        if has_ended or is_left:
            task.is_open = False
    journey.tasks = [task for task in journey.tasks if task.is_open]
