"""Reads the sentence after `when:` into a condition."""

from collections.abc import Sequence
from functools import lru_cache

import cadenza.language.conditions
from cadenza.calendars import Days
from cadenza.language.conditions.condition import Condition
from cadenza.language.conditions.happened import EVENTS
from cadenza.language.source import did_you_mean, listed
from cadenza.registry import find_subclasses

__all__ = ["EVENTS", "condition_types", "parse_when"]

LONGEST = 500


@lru_cache(maxsize=1)
def condition_types() -> Sequence[type[Condition]]:
    """Every kind of condition."""
    return find_subclasses(cadenza.language.conditions, Condition)  # type: ignore[type-abstract]


def parse_when(text: str, days: Days) -> Condition:
    """`clicked intro within 3 days` → a condition. Raises ValueError that says what to write."""
    sentence = " ".join(text.split())
    if len(sentence) > LONGEST:
        raise ValueError(f"a condition has at most {LONGEST} characters")
    for kind in condition_types():
        condition = kind.read(sentence, days)
        if condition is not None:
            return condition
    words = sentence.removeprefix("not ").split()
    guess = did_you_mean(words[0], EVENTS) if words else ""
    raise ValueError(f"`{text}` is not a condition{guess}; write for instance {_examples()}")


@lru_cache(maxsize=1)
def _examples() -> str:
    return listed(example for kind in condition_types() for example in kind.examples)
