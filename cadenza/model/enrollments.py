"""Where one person stands in one cadence."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class EnrollmentStatus(StrEnum):
    """Where an enrollment stands as a whole."""

    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"


class Outcome(StrEnum):
    """How an enrollment ended."""

    WON = "won"
    LOST = "lost"
    NO_RESPONSE = "no_response"
    REPLIED = "replied"
    DISQUALIFIED = "disqualified"
    OPTED_OUT = "opted_out"
    BOUNCED = "bounced"
    STOPPED = "stopped"
    MOVED = "moved"


MAIN = ""
"""What the place of an enrollment is called that is in no lane."""


def position_name(step: str, visit: int) -> str:
    """`intro:1`: a place in the course, as storage names it."""
    return f"{step}:{visit}"


@dataclass(frozen=True, kw_only=True)
class Position:
    """One place at which an enrollment stands.

    visit: how many times the step was entered, from 1. reached_at: when
    what came before was really completed; gaps count from it. reached_day:
    which day of the cadence that was, by the plan (from 1).
    """

    step: str
    visit: int
    reached_at: datetime
    reached_day: int

    @property
    def name(self) -> str:
        """`intro:1`, unique within the enrollment for ever."""
        return position_name(self.step, self.visit)


@dataclass(frozen=True, kw_only=True)
class EnrollmentState:
    """Where one enrollment stands; all that the planner needs beside version and profile.

    step, visit, reached_at, reached_day: its main position (see `Position`).
    lanes: its other positions, inside a `parallel`, by the lane's name; the
    main one then stands at the parallel. visits: how often each step was
    entered. started_at: when it began. history: step → what happened →
    first time, of the step's present visit; step "" holds what is about no
    step. What happened is an event, or `sent`, `failed`, `skipped`,
    `opened_task`, `disposition:` and how a task went, `forked`, `lane:` and
    the name of a lane that ended, `round:` and the number of one of a
    repeat, `hand:` and what a person did (`resumed`, `moved`, `status`,
    `reopened`), or `latest:` and a signal that came more than once. variants: experiment →
    variant, drawn when it began. crm_status: of the statuses of its cadence.
    paused_until: when a pause ends by itself; None: by hand.
    """

    status: EnrollmentStatus
    outcome: Outcome | None
    step: str
    visit: int
    visits: Mapping[str, int]
    started_at: datetime
    reached_at: datetime
    reached_day: int
    history: Mapping[str, Mapping[str, datetime]]
    lanes: Mapping[str, Position] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)
    crm_status: str | None = None
    paused_until: datetime | None = None

    def at(self, lane: str) -> Position:
        """Its position in `lane`; `MAIN` for the main one. Raises KeyError."""
        if lane != MAIN:
            return self.lanes[lane]
        return Position(
            step=self.step,
            visit=self.visit,
            reached_at=self.reached_at,
            reached_day=self.reached_day,
        )

    def positions(self) -> Mapping[str, Position]:
        """All of them by their lanes, the main one first, then by name.

        In one order wherever the state comes from: storage keeps none.
        """
        return {MAIN: self.at(MAIN), **dict(sorted(self.lanes.items()))}

    def view(self, lane: str) -> "EnrollmentState":
        """The state as a step inside `lane` sees it: its position as the main one."""
        if lane == MAIN:
            return self
        position = self.lanes[lane]
        return replace(
            self,
            step=position.step,
            visit=position.visit,
            reached_at=position.reached_at,
            reached_day=position.reached_day,
        )

    def stands_at(self, step: str, visit: int) -> bool:
        """Whether one of its positions is this visit of `step`."""
        return (self.step == step and self.visit == visit) or any(
            position.step == step and position.visit == visit for position in self.lanes.values()
        )

    def lane_at(self, step: str) -> str | None:
        """The lane whose position is at `step`; None if none is."""
        if self.step == step:
            return MAIN
        return next((lane for lane, p in self.lanes.items() if p.step == step), None)
