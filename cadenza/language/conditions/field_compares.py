"""`company.size is at least 200`, `subject.amount is below 50`: a field as a number."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import Condition, Judgement
from cadenza.language.known_fields import FIELD, FieldName

_SENTENCE = re.compile(rf"{FIELD} is (?P<relation>at least|below) (?P<bound>.+)")
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,6})?")


@dataclass(frozen=True, kw_only=True)
class FieldCompares(Condition):
    """The number is `bound` or more; below: less. It does not hold where there is no number."""

    examples: ClassVar[tuple[str, ...]] = ("company.size is at least 200",)

    field: FieldName
    bound: Decimal
    below: bool

    @classmethod
    def read(cls, sentence: str, _days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        if match is None:
            return None
        if not _NUMBER.fullmatch(match["bound"]):
            raise ValueError(
                f"`{match['bound']}` is no number; write for instance "
                f"`{match['root']}.{match['field']} is {match['relation']} 200`"
            )
        return cls(
            field=FieldName(root=match["root"], name=match["field"]),
            bound=Decimal(match["bound"]),
            below=match["relation"] == "below",
        )

    def judge(self, standing: Standing) -> Judgement:
        number = _number(self.field.text(standing.profile))
        holds = number is not None and (number < self.bound) == self.below
        return Judgement(holds=holds, at=standing.state.reached_at)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
