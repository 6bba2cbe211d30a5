"""What the steps that send have in common: timing, an address, and moving on when it is done."""

from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing, StepType
from cadenza.language.intents import INTENT_KEYS
from cadenza.language.timing import Timing
from cadenza.model import Act, Channel, GoTo, Profile, Verdict
from cadenza.recipients import address_for

TOUCH_KEYS = frozenset({"day", "after", "variants", "overdue", *INTENT_KEYS})
"""The keys that every touch knows, besides its own."""

SETTLED = ("sent", "failed", "skipped")


@dataclass(frozen=True, kw_only=True)
class TouchStep(StepType):
    """A step that reaches out on a sending channel.

    channel: which one. timing: when. to: the party of the subject whom it
    reaches; None: the prospect.
    """

    channel: ClassVar[Channel]
    timing: Timing
    to: str | None = None

    def can_reach(self, profile: Profile) -> bool:
        """Whether whom it is for has an address on this channel."""
        return address_for(self.channel, self.to, profile) is not None

    def plan(self, standing: Standing) -> Verdict:
        not_before, day = self.timing.due(standing)
        history = standing.state.history.get(self.step_id, {})
        for kind in SETTLED:
            if kind in history:
                return GoTo(step=None, reached_at=history[kind], reached_day=day)
        if not self.can_reach(standing.profile):
            return GoTo(step=None, reached_at=not_before, reached_day=day, skipped=True)
        return Act(channel=self.channel, not_before=not_before)

    def takes_time(self) -> bool:
        return self.timing.after is not None and self.timing.after.takes_time
