"""A cadence as the planner and delivery use it: compiled, checked, immutable."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cadenza.abc import StepType
from cadenza.calendar import Days, Window
from cadenza.model import Channel, EventType, Outcome


@dataclass(frozen=True, kw_only=True)
class ExitRule:
    """What an event does to the whole enrollment. outcome: only of `stop`."""

    action: Literal["stop", "pause", "continue"]
    outcome: Outcome | None = None


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """One cadence, out of its file and templates.

    objective: the event that proves success. service: messages about an
    order or claim, which survive a marketing opt-out; else sales. days: how
    days are counted. windows: when each of the sending channels and tasks
    may act, in the prospect's zone. groups: the group of sender accounts
    per sending channel. steps: by id, in the order of the file. following:
    the step that comes after each that does not choose itself.
    """

    name: str
    title: str
    objective: EventType
    service: bool
    days: Days
    exits: Mapping[EventType, ExitRule]
    windows: Mapping[Channel, Window]
    groups: Mapping[Channel, str]
    steps: Mapping[str, StepType]
    following: Mapping[str, str]

    def first_step(self) -> str:
        """The id of the step at which enrollments begin."""
        return next(iter(self.steps))

    def next_step(self, step_id: str) -> str | None:
        """The id of the step that follows when `step_id` has nothing else to say; None: none."""
        return self.following.get(step_id)
