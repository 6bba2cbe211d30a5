"""`variant of pace is daily`: which variant of an experiment somebody was given."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import Condition, Judgement, values_of
from cadenza.language.known import Known
from cadenza.language.source import did_you_mean, listed

_SENTENCE = re.compile(
    r"variant of (?P<experiment>[a-z0-9][a-z0-9_-]*) is (?P<negated>not )?(?P<values>.+)"
)


@dataclass(frozen=True, kw_only=True)
class VariantIs(Condition):
    """One of these variants; it was drawn when the enrollment began and stays."""

    examples: ClassVar[tuple[str, ...]] = ("variant of pace is daily",)

    experiment: str
    variants: frozenset[str]
    negated: bool = False

    @classmethod
    def read(cls, sentence: str, _days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        if match is None:
            return None
        return cls(
            experiment=match["experiment"],
            variants=values_of(match["values"]),
            negated=bool(match["negated"]),
        )

    def judge(self, standing: Standing) -> Judgement:
        holds = standing.state.variants.get(self.experiment) in self.variants
        return Judgement(holds=holds != self.negated, at=standing.state.reached_at)

    def trouble(self, known: Known) -> tuple[str, str] | None:
        experiments = known.vocabulary.experiments
        if self.experiment not in experiments:
            return self.experiment, (
                f"there is no experiment `{self.experiment}`"
                f"{did_you_mean(self.experiment, experiments)}; declare it under `experiments`"
            )
        variants = experiments[self.experiment]
        for variant in sorted(self.variants - {*variants}):
            guess = did_you_mean(variant, variants)
            return variant, (
                f"`{self.experiment}` has no variant `{variant}`{guess}; write {listed(variants)}"
            )
        return None
