"""`prospect.country is FR or BE`, `company.size is set`: a field's value."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import Condition, Judgement, OneOf
from cadenza.language.known_fields import FIELD, FieldName

_SENTENCE = re.compile(rf"{FIELD} is (?P<negated>not )?(?P<values>(?!at least |below ).+)")


@dataclass(frozen=True, kw_only=True)
class FieldIs(Condition):
    """What is known of somebody."""

    examples: ClassVar[tuple[str, ...]] = ("prospect.country is FR",)

    field: FieldName
    said: OneOf

    @classmethod
    def read(cls, sentence: str, _days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        if match is None:
            return None
        return cls(
            field=FieldName(root=match["root"], name=match["field"]),
            said=OneOf.read(match["values"], negated=bool(match["negated"])),
        )

    def judge(self, standing: Standing) -> Judgement:
        holds = self.said.fits(self.field.text(standing.profile))
        return Judgement(holds=holds, at=standing.state.reached_at)
