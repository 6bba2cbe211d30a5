"""A list of conditions, which all have to hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import Condition, Judgement


@dataclass(frozen=True, kw_only=True)
class AllHold(Condition):
    """conditions: at least one. Their own troubles are asked for one by one."""

    conditions: Sequence[Condition]

    @classmethod
    def read(cls, _sentence: str, _days: Days, /) -> "Condition | None":
        return None  # a list of sentences, and none itself

    def judge(self, standing: Standing) -> Judgement:
        judged = [condition.judge(standing) for condition in self.conditions]
        refused = [judgement.at for judgement in judged if judgement.holds is False]
        if refused:
            return Judgement(holds=False, at=min(refused))
        opened = [judgement.at for judgement in judged if judgement.holds is None]
        if opened:
            return Judgement(holds=None, at=min(opened))
        return Judgement(holds=True, at=max(judgement.at for judgement in judged))

    def takes_time(self) -> bool:
        return any(condition.takes_time() for condition in self.conditions)
