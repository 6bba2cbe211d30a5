"""`call reached 3 times`: how often a step was entered; what ends a loop."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import STEP, Condition, Judgement
from cadenza.language.known import Known

_SENTENCE = re.compile(rf"{STEP} reached (?P<times>\d{{1,4}}) times?")


@dataclass(frozen=True, kw_only=True)
class Reached(Condition):
    """The cadence came to a step so often. A step with variants counts all of them."""

    examples: ClassVar[tuple[str, ...]] = ("reminder reached 3 times",)

    step: str
    times: int

    @classmethod
    def read(cls, sentence: str, _days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        return cls(step=match["step"], times=int(match["times"])) if match else None

    def judge(self, standing: Standing) -> Judgement:
        # The variants of a step are entered through the step itself.
        state = standing.state
        return Judgement(holds=state.visits.get(self.step, 0) >= self.times, at=state.reached_at)

    def trouble(self, known: Known) -> tuple[str, str] | None:
        return None if self.step in known.steps else (self.step, known.unknown_step(self.step))
