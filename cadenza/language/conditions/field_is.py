"""`prospect.country is FR or BE`, `company.size is set`: a field's value."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import Condition, Judgement, values_of
from cadenza.language.known_fields import FIELD, FieldName

_SENTENCE = re.compile(rf"{FIELD} is (?P<negated>not )?(?P<values>(?!at least |below ).+)")


@dataclass(frozen=True, kw_only=True)
class FieldIs(Condition):
    """What is known of somebody. values: lower case, any of them; none: any value at all."""

    examples: ClassVar[tuple[str, ...]] = ("prospect.country is FR",)

    field: FieldName
    values: frozenset[str]
    negated: bool

    @classmethod
    def read(cls, sentence: str, _days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        if match is None:
            return None
        values, negated = values_of(match["values"]), bool(match["negated"])
        if values in ({"set"}, {"missing"}):
            values, negated = frozenset(), negated != (values == {"missing"})
        field = FieldName(root=match["root"], name=match["field"])
        return cls(field=field, values=values, negated=negated)

    def judge(self, standing: Standing) -> Judgement:
        value = self.field.text(standing.profile).lower()
        holds = value in self.values if self.values else bool(value)
        return Judgement(holds=holds != self.negated, at=standing.state.reached_at)
