"""`segment.region is EMEA`: the row of a segment's table that fits somebody."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import Condition, Judgement, values_of
from cadenza.language.known import Known
from cadenza.language.source import did_you_mean

_SENTENCE = re.compile(r"segment\.(?P<segment>[a-z][a-z0-9_]*) is (?P<negated>not )?(?P<values>.+)")


@dataclass(frozen=True, kw_only=True)
class SegmentIs(Condition):
    """names: lower case, any of them; none: in any row at all."""

    examples: ClassVar[tuple[str, ...]] = ("segment.region is EMEA",)

    segment: str
    names: frozenset[str]
    negated: bool

    @classmethod
    def read(cls, sentence: str, _days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        if match is None:
            return None
        names, negated = values_of(match["values"]), bool(match["negated"])
        if names in ({"set"}, {"missing"}):
            names, negated = frozenset(), negated != (names == {"missing"})
        return cls(segment=match["segment"], names=names, negated=negated)

    def judge(self, standing: Standing) -> Judgement:
        row = standing.cadence.segments[self.segment].row_for(standing.profile)
        name = row.get("name", "").lower()
        holds = name in self.names if self.names else bool(name)
        return Judgement(holds=holds != self.negated, at=standing.state.reached_at)

    def trouble(self, known: Known) -> tuple[str, str] | None:
        segments = known.vocabulary.segments
        if self.segment not in segments:
            return self.segment, (
                f"there is no segment `{self.segment}`{did_you_mean(self.segment, segments)}; "
                "declare it under `segments`"
            )
        for name in sorted(self.names - segments[self.segment]):
            guess = did_you_mean(name, segments[self.segment])
            return name, f"no row of the segment `{self.segment}` is called `{name}`{guess}"
        return None
