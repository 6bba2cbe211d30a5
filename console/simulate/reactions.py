"""What people and reps do, as the events that Cadenza hears."""

from datetime import datetime

from cadenza.model import EnrollmentStatus, EventType, Occurrence
from cadenza.suppression.suppressing import SUPPRESSING
from console.simulate.course import Course
from console.simulate.figures import Tally
from console.simulate.health import Health
from console.simulate.journey import OpenTask
from console.simulate.options import SimulateOptions
from console.simulate.outside import Outside, Sent, events_of
from console.simulate.suppressed import Suppressed
from sandbox.behaviour import Deed

_UNHEARD = frozenset({EventType.DELIVERED, EventType.SOFT_BOUNCED})


class Reactions:
    """Applies deeds to the enrollments that they are about."""

    def __init__(
        self,
        *,
        options: SimulateOptions,
        outside: Outside,
        course: Course,
        suppressed: Suppressed,
        health: Health,
        tally: Tally,
    ) -> None:
        self._cadence = options.cadence
        self._outside = outside
        self._course = course
        self._suppressed = suppressed
        self._health = health
        self._tally = tally

    def apply(self, deed: Deed, sent: Sent, now: datetime) -> None:
        """Let a deed happen."""
        about = self._outside.about(deed, sent)
        self._outside.done(deed, sent)
        for event in events_of(deed):
            self._hear(event, about, now)

    def task_done(self, task: OpenTask, disposition: str, now: datetime) -> None:
        """A rep has done a task."""
        self._tally.events[task.step, EventType.TASK_DONE.value] += 1
        self._tally.events[task.step, f"disposition:{disposition}"] += 1
        if disposition == EventType.MEETING_BOOKED:
            self._course.note_for_colleagues(task.journey, disposition, now)
        occurrence = Occurrence(
            kind="event",
            event=EventType.TASK_DONE,
            at=now,
            step=task.step,
            data={"visit": task.visit, "disposition": disposition},
        )
        self._course.advance(task.journey, occurrence, now)

    def _hear(self, event: EventType, about: Sent, now: datetime) -> None:
        journey = about.journey
        known = event in journey.state.history.get(about.step, {})
        if not known:
            self._tally.events[about.step, event.value] += 1
        self._course.note_for_colleagues(journey, event, now)
        if event in _UNHEARD or (known and self._changes_nothing(event, journey.state.status)):
            return
        occurrence = Occurrence(
            kind="event", event=event, at=now, step=about.step, data={"visit": about.visit}
        )
        if event is EventType.BOUNCED:
            self._health.bounced(about.account_id, about.touch, about.at, now, refused=False)
        if event in SUPPRESSING:
            self._suppressed.forbid(about, event, occurrence, now)
        else:
            self._course.advance(journey, occurrence, now)

    def _changes_nothing(self, event: EventType, status: EnrollmentStatus) -> bool:
        """Whether hearing it once more is sure to be of no interest."""
        if event in SUPPRESSING:
            return False
        rule = self._cadence.exits.get(event)
        return status is EnrollmentStatus.FINISHED or rule is None or rule.action != "pause"
