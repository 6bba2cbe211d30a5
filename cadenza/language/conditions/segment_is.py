"""`segment.region is EMEA`: the row of a segment's table that fits somebody."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import Condition, Judgement, OneOf
from cadenza.language.known import Known
from cadenza.language.source import did_you_mean

_SENTENCE = re.compile(r"segment\.(?P<segment>[a-z][a-z0-9_]*) is (?P<negated>not )?(?P<values>.+)")


@dataclass(frozen=True, kw_only=True)
class SegmentIs(Condition):
    """What the row that fits somebody is called."""

    examples: ClassVar[tuple[str, ...]] = ("segment.region is EMEA",)

    segment: str
    said: OneOf

    @classmethod
    def read(cls, sentence: str, _days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        if match is None:
            return None
        said = OneOf.read(match["values"], negated=bool(match["negated"]))
        return cls(segment=match["segment"], said=said)

    def judge(self, standing: Standing) -> Judgement:
        row = standing.cadence.segments[self.segment].row_for(standing.profile)
        holds = self.said.fits(row.get("name", ""))
        return Judgement(holds=holds, at=standing.state.reached_at)

    def trouble(self, known: Known) -> tuple[str, str] | None:
        segments = known.vocabulary.segments
        if self.segment not in segments:
            return self.segment, (
                f"there is no segment `{self.segment}`{did_you_mean(self.segment, segments)}; "
                "declare it under `segments`"
            )
        for name in sorted(self.said.values - segments[self.segment]):
            guess = did_you_mean(name, segments[self.segment])
            return name, f"no row of the segment `{self.segment}` is called `{name}`{guess}"
        return None
