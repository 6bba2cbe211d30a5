"""The course of an enrollment again, from its log: the same state comes out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cadenza.calendars import WorkCalendar
from cadenza.language.cadence import Cadence
from cadenza.model import EnrollmentState, Occurrence, Profile
from cadenza.planner.course import start
from cadenza.planner.facts import profile_from
from cadenza.planner.migration import migrated
from cadenza.planner.occurrences import advance, hold
from cadenza.planner.state_json import state_from_json

STARTED = "started"
MIGRATED = "migrated"
STOOD = "stood"
FACTS = "facts"

CalendarOf = Callable[[Profile], WorkCalendar | None]


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One line of an enrollment's log.

    now: what the planner was given. kind, at, step, event, data: the
    occurrence; `started` is the first (`stood`, with the state, where the
    log began later), its data the profile of then and what was heard
    before; `facts` is the profile where it changed since; `migrated` has
    the data {"version": id, "mapping": {…}}. held: the planner could not go on, and
    the enrollment was held.
    """

    now: datetime
    kind: str
    at: datetime
    step: str | None = None
    event: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    held: bool = False

    def occurrence(self) -> Occurrence:
        """What happened."""
        return Occurrence(
            kind=self.kind, at=self.at, step=self.step, event=self.event, data=self.data
        )


def replay(
    cadence: Cadence,
    profile: Profile,
    log: Iterable[LogEntry],
    versions: Mapping[int, Cadence] | None = None,
    calendar_of: CalendarOf | None = None,
) -> EnrollmentState:
    """The state to which `log`, in its order, leads. Pure.

    cadence: the version with which it began. versions: those to which it
    migrated, by number. profile: what is known now; the log's own facts go
    before it. calendar_of: the calendars that it was planned by. Raises
    ValueError if the log does not begin with `started`, KeyError for a
    version that is not given.
    """
    state: EnrollmentState | None = None
    calendar = calendar_of(profile) if calendar_of else None
    for entry in log:
        facts = entry.data.get("profile") if entry.kind in {STARTED, FACTS} else None
        if facts is not None:
            profile = profile_from(facts)
            calendar = calendar_of(profile) if calendar_of else None
        if entry.kind == FACTS:
            continue
        if entry.kind == STARTED:
            told = entry.data.get("heard", {})
            heard = {event: datetime.fromisoformat(at) for event, at in told.items()}
            state = start(cadence, profile, entry.now, heard, calendar=calendar).state
            continue
        if entry.kind == STOOD:
            state = state_from_json(entry.data)
            continue
        if state is None:
            raise ValueError("the log of an enrollment begins with `started`")
        if entry.held:
            state = hold(state, entry.occurrence()).state
        elif entry.kind == MIGRATED:
            new = (versions or {})[entry.data["version"]]
            mapping = entry.data.get("mapping", {})
            done = migrated(
                cadence, new, state, profile, mapping=mapping, now=entry.now, calendar=calendar
            )
            state = done.state
            cadence = new
        else:
            occurrence = entry.occurrence()
            done = advance(cadence, state, profile, occurrence, entry.now, calendar=calendar)
            state = done.state
    if state is None:
        raise ValueError("the log of an enrollment begins with `started`")
    return state
