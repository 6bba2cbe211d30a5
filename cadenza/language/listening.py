"""What a cadence asks for in its conditions, so that it is told nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from cadenza.language.cadence import Cadence
from cadenza.language.conditions import Condition

_COLLEAGUE = "colleague_"


def hears_colleagues(cadence: Cadence) -> bool:
    """Whether any condition asks what colleagues of the prospect did."""
    return any(
        str(getattr(condition, "event", "")).startswith(_COLLEAGUE)
        for step in cadence.steps.values()
        for condition in _conditions(step)
    )


def _conditions(part: Any) -> Iterator[Condition]:
    """The conditions in a step, wherever it keeps them."""
    if isinstance(part, Condition):
        yield part
    if is_dataclass(part) and not isinstance(part, type):
        for of in fields(part):
            yield from _conditions(getattr(part, of.name))
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from _conditions(value)
    elif isinstance(part, tuple | list):
        for value in part:
            yield from _conditions(value)
