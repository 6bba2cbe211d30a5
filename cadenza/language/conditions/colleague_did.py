"""`colleague replied within 30 days`: what somebody else at the company did."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import NOTHING, Condition, Judgement
from cadenza.language.timing import Gap, parse_gap
from cadenza.model import EventType

COLLEAGUE_EVENTS = {
    "replied": EventType.REPLIED,
    "meeting booked": EventType.MEETING_BOOKED,
    "unsubscribed": EventType.UNSUBSCRIBED,
}
"""What is told to colleagues, as conditions call it."""

COLLEAGUE = "colleague_"
_SENTENCE = re.compile(
    r"(?P<negated>not )?colleague (?P<phrase>replied|meeting[ _]booked|unsubscribed)"
    r"(?: within (?P<within>.+))?"
)


@dataclass(frozen=True, kw_only=True)
class ColleagueDid(Condition):
    """It looks back: at most `within` before now, and never waits."""

    examples: ClassVar[tuple[str, ...]] = ("colleague replied within 30 days",)

    event: str
    within: Gap | None
    negated: bool

    @classmethod
    def read(cls, sentence: str, days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        if match is None:
            return None
        return cls(
            event=COLLEAGUE + COLLEAGUE_EVENTS[match["phrase"].replace("_", " ")],
            within=parse_gap(match["within"], days) if match["within"] else None,
            negated=bool(match["negated"]),
        )

    def judge(self, standing: Standing) -> Judgement:
        reached = standing.state.reached_at
        of_none = standing.state.history.get("", NOTHING)
        happened = of_none.get(f"latest:{self.event}", of_none.get(self.event))
        holds = happened is not None
        if happened is not None and self.within is not None:
            days, zone = standing.days, standing.profile.time_zone
            # From when the step was reached, so that judging later says the same.
            holds = self.within.exactly_after(happened, days, zone) >= reached
        return Judgement(holds=holds != self.negated, at=max(happened or reached, reached))
