"""One enrollment on its way through the simulation."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cadenza.calendars import WorkCalendar
from cadenza.model import EnrollmentState, Planned, Profile


@dataclass(slots=True, eq=False)
class Entry:
    """Something planned: a touch, a task or a timer.

    planned: as the planner first had it; due_at and window_end: as they are
    now. wished_at: when it would go if there were no limits. dead: it is
    not wanted any more. rule: what put it off last.
    """

    journey: "Journey"
    planned: Planned
    account: str | None
    due_at: datetime
    window_end: datetime | None
    wished_at: datetime
    attempts: int = 0
    dead: bool = False
    rule: str | None = None


@dataclass(slots=True, eq=False)
class OpenTask:
    """A task on a rep's list. position: the name of the place in the course that it is about."""

    journey: "Journey"
    step: str
    visit: int
    kind: str
    dispositions: Sequence[str]
    due_at: datetime
    is_open: bool = True


@dataclass(slots=True, eq=False)
class Journey:
    """An enrollment: who, where it stands, what it has planned. number: in order of enrolling."""

    number: int
    profile: Profile
    company: str | None
    subject: str
    calendar: WorkCalendar
    state: EnrollmentState
    entries: dict[str, Entry] = field(default_factory=dict)
    tasks: list[OpenTask] = field(default_factory=list)
    was_touched: bool = False

    @property
    def name(self) -> str:
        """Who and, if there is one, about what."""
        return f"{self.profile.key} {self.subject}" if self.subject else self.profile.key

    @property
    def person(self) -> str:
        """What reps know the prospect by."""
        return self.profile.email or self.profile.phone or self.profile.key
