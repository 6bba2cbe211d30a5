"""`payment_made within 3 days`: a signal that the cadence declares."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cadenza.calendars import Days
from cadenza.language.conditions.condition import Condition
from cadenza.language.conditions.happened import EVENTS, Happened
from cadenza.language.known import Known
from cadenza.language.source import did_you_mean
from cadenza.language.timing import parse_gap

_SENTENCE = re.compile(
    r"(?P<negated>not )?(?P<signal>(?!not\b)[a-z][a-z0-9_]*)(?: within (?P<within>.+))?"
)


@dataclass(frozen=True, kw_only=True)
class SignalCame(Happened):
    """The outside told it. The time counts from when the present step was reached."""

    examples: ClassVar[tuple[str, ...]] = ("payment_made within 3 days",)

    @classmethod
    def read(cls, sentence: str, days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        if match is None or match["signal"].replace("_", " ") in EVENTS:
            return None
        return cls(
            event=match["signal"],
            step=None,
            within=parse_gap(match["within"], days) if match["within"] else None,
            negated=bool(match["negated"]),
        )

    def trouble(self, known: Known) -> tuple[str, str] | None:
        if self.event in known.vocabulary.signals:
            return None
        words = [*known.vocabulary.signals, *EVENTS]
        return self.event, (
            f"`{self.event}` is neither an event nor a declared signal"
            f"{did_you_mean(self.event, words)}; declare it: `signals: {{{self.event}: heard}}`"
        )
