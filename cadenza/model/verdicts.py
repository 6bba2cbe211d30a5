"""What a step type decides for an enrollment that stands at one of its steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cadenza.model.channels import Channel
from cadenza.model.enrollments import Outcome
from cadenza.model.transitions import Effect


@dataclass(frozen=True, kw_only=True)
class Act:
    """Do this step on `channel`, not before `not_before`, at the next opening of its window."""

    channel: Channel
    not_before: datetime


@dataclass(frozen=True, kw_only=True)
class WaitUntil:
    """Stay here until `at`, which lies ahead; what happens meanwhile may move on earlier.

    at: None where nothing but an occurrence ends the wait; waits_for then
    names it, for people.
    """

    at: datetime | None
    waits_for: str = ""


@dataclass(frozen=True, kw_only=True)
class GoTo:
    """Nothing to do here (any more): go on with step `step` (None: the next in order).

    reached_at: what follows counts its gaps from this moment. reached_day:
    which day of the cadence that is, by the plan. skipped: the step was
    passed over because the prospect cannot be reached on its channel.
    marks: what else is noted in the history of the step that is left.
    effects: what is brought about on the way; one of kind `status` only if
    the cadence allows that change, and then the state has the new status.
    """

    step: str | None
    reached_at: datetime
    reached_day: int
    skipped: bool = False
    marks: Mapping[str, datetime] = field(default_factory=dict)
    effects: Sequence[Effect] = ()


@dataclass(frozen=True, kw_only=True)
class Finish:
    """The enrollment ends here with `outcome`; effects: what is brought about by that."""

    outcome: Outcome
    effects: Sequence[Effect] = ()


@dataclass(frozen=True, kw_only=True)
class Fork:
    """Start these lanes, each at its first step, and stay here.

    A lane ends after a step that nothing follows; it is then noted in this
    step's history as `lane:` and its name, and this step plans again.
    """

    lanes: Mapping[str, str]


Verdict = Act | WaitUntil | GoTo | Finish | Fork
