"""What a simulation came to. Pure data, and how it is counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from cadenza.model import Outcome


class Touch(NamedTuple):
    """One touch as the ledger has it. enrollment: the prospect's key, and the subject if any.

    wished_at: when it would have gone without limits. due_at: when it was
    to go. began_at: the moment in which it left. status: `sent` or `failed`.
    """

    enrollment: str
    step: str
    visit: int
    channel: str
    account: str
    wished_at: datetime
    due_at: datetime
    began_at: datetime
    status: str


class Task(NamedTuple):
    """One task for a rep. disposition: None if it was never done."""

    enrollment: str
    step: str
    visit: int
    kind: str
    opened_at: datetime


class End(NamedTuple):
    """How an enrollment ended."""

    enrollment: str
    at: datetime
    outcome: Outcome


class Rest(NamedTuple):
    """An account that paused by itself: `bounced` of `sent` touches in its window came back."""

    account: str
    at: datetime
    reason: str
    bounced: int
    sent: int


@dataclass
class Tally:
    """What is written down on the way.

    deferred: (account, rule) → touches, each time that one was put off.
    events: (step, what happened first there) → enrollments.
    """

    touches: list[Touch] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    enrolled: Counter[date] = field(default_factory=Counter)
    deferred: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    moved_on: Counter[str] = field(default_factory=Counter)

    def in_order(self) -> "Tally":
        """The same, in an order that does not depend on how it was computed."""
        self.touches.sort(key=lambda t: (t.began_at, t.due_at, t.enrollment, t.step, t.visit))
        self.tasks.sort(key=lambda t: (t.opened_at, t.enrollment, t.step, t.visit))
        self.ends.sort(key=lambda end: (end.at, end.enrollment))
        return self


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """A run from its first moment to its last.

    active, paused: enrollments that had not ended by then. waiting: those
    of them that had nothing planned, by the step at which they stood.
    """

    cadence: str
    start: date
    days: int
    seed: int
    rows: int
    enrolled: int
    refused: Mapping[str, int]
    tally: Tally
    active: int
    paused: int
    waiting: Mapping[str, int]
    steps: Sequence[tuple[str, str]]
    zone: str
