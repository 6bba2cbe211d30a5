"""What every kind of condition promises.

A condition is judged from what is known alone: it holds, it does not, or
it is open until a moment that is known.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.known import Known

NOTHING: Mapping[str, datetime] = {}

STEP = r"(?P<step>[a-z0-9][a-z0-9_.-]*)"
"""Matches the name of a step in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """holds: None while it is open. at: since when that is so, or until when it is open."""

    holds: bool | None
    at: datetime


class Condition(ABC):
    """One kind of condition. Immutable; shared by all enrollments.

    examples: sentences of this kind, for messages.
    """

    examples: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @abstractmethod
    def read(cls, sentence: str, days: Days, /) -> "Condition | None":
        """A sentence of this kind; None: of another. Blanks are single.

        Raises ValueError that says what to write.
        """

    @abstractmethod
    def judge(self, standing: Standing) -> Judgement:
        """What is known now. Pure."""

    def trouble(self, known: Known) -> tuple[str, str] | None:
        """What is wrong with it in this cadence: the word at fault, and the message."""
        del known
        return None

    def takes_time(self) -> bool:
        """Whether it is open for a while after the step that it names."""
        return False


def known_since(standing: Standing, at: datetime | None) -> datetime:
    """`at`; when the step was reached if nothing happened."""
    return at or standing.state.reached_at


def values_of(text: str) -> frozenset[str]:
    """`connected or left_voicemail` → words in lower case."""
    return frozenset(value.strip(" \"'").lower() for value in text.split(" or "))


@dataclass(frozen=True, kw_only=True)
class OneOf:
    """What `is` asks of a value. values: lower case, any of them; none: any value at all."""

    values: frozenset[str]
    negated: bool

    @classmethod
    def read(cls, said: str, *, negated: bool) -> "OneOf":
        """`FR or BE`, `set` or `missing`; negated: `not` stood before it."""
        values = values_of(said)
        if values in ({"set"}, {"missing"}):
            return cls(values=frozenset(), negated=negated != (values == {"missing"}))
        return cls(values=values, negated=negated)

    def fits(self, value: str) -> bool:
        """Whether `value`, empty where nothing is known, is what it asks for."""
        told = value.lower()
        return (told in self.values if self.values else bool(told)) != self.negated


def first_of(standing: Standing, step: str, what: Iterable[str]) -> datetime | None:
    """When any of `what` first happened to any form of `step`."""
    history = standing.state.history
    times = [
        of_step[one]
        for form in standing.cadence.forms_of(step)
        if (of_step := history.get(form, NOTHING))
        for one in what
        if one in of_step
    ]
    return min(times, default=None)
