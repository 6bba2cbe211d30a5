"""`status is contacted or qualified`: the enrollment's status of the CRM."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import Condition, Judgement, values_of
from cadenza.language.known import Known
from cadenza.language.source import did_you_mean, listed

_SENTENCE = re.compile(r"status is (?P<negated>not )?(?P<values>.+)")


@dataclass(frozen=True, kw_only=True)
class StatusIs(Condition):
    """One of these statuses."""

    examples: ClassVar[tuple[str, ...]] = ("status is contacted",)

    statuses: frozenset[str]
    negated: bool

    @classmethod
    def read(cls, sentence: str, _days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        if match is None:
            return None
        return cls(statuses=values_of(match["values"]), negated=bool(match["negated"]))

    def judge(self, standing: Standing) -> Judgement:
        state, statuses = standing.state, standing.cadence.statuses
        status = state.crm_status or (statuses.first if statuses else None)
        return Judgement(holds=(status in self.statuses) != self.negated, at=state.reached_at)

    def trouble(self, known: Known) -> tuple[str, str] | None:
        statuses = known.vocabulary.statuses
        for status in sorted(self.statuses - {*statuses}):
            if not statuses:
                return status, "this cadence has no statuses; declare them under `statuses`"
            guess = did_you_mean(status, statuses)
            return status, f"there is no status `{status}`{guess}; write {listed(statuses)}"
        return None
