"""Over what a limit counts, as people write it: `hour`, `10 minutes`, `rolling 30 days`."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator

from cadenza.timespec import parse_span

HOUR = timedelta(hours=1)
LONGEST = timedelta(days=366)
"""Counters are kept this long at most."""

_SHORT = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1)}
_MEND = "write hour, day, week, month, a span below one hour, or for instance `rolling 30 days`"


class Unit(StrEnum):
    """Calendar periods, which begin anew at an hour or a midnight of a zone."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, kw_only=True)
class Period:
    """A calendar unit, or a span that counts back from every moment.

    unit: None for a span. span: None for a calendar unit; below an hour it
    is a rate, which Redis keeps; from an hour on a rolling window, whose
    counters are in the database.
    """

    unit: Unit | None = None
    span: timedelta | None = None

    @property
    def is_rate(self) -> bool:
        """Whether it is too short for counters in the database."""
        return self.span is not None and self.span < HOUR

    def __str__(self) -> str:
        if self.unit is not None:
            return self.unit.value
        seconds = int((self.span or HOUR).total_seconds())
        for word, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
            if seconds % size == 0:
                count = seconds // size
                return f"rolling {count} {word}{'' if count == 1 else 's'}"
        return f"rolling {seconds} seconds"


def parse_period(text: str) -> Period:
    """`hour`, `1 day`, `10 minutes`, `rolling 30 days` … Raises ValueError with what to write."""
    words = text.split()
    if words and words[0] == "rolling":
        return _rolling(" ".join(words[1:]), text)
    if len(words) == 2 and words[0] == "1":
        words = words[1:]
    if len(words) == 1 and words[0] in list(Unit):
        return Period(unit=Unit(words[0]))
    if len(words) == 1 and words[0] in _SHORT:
        return Period(span=_SHORT[words[0]])
    span = _span(" ".join(words), text)
    if span >= HOUR:
        raise ValueError(f"{text!r} is not a period of the calendar: {_MEND}")
    return Period(span=span)


def _rolling(span: str, text: str) -> Period:
    return Period(span=_span(re.sub(r"^(?=[a-z])", "1 ", span), text))


def _span(text: str, told: str) -> timedelta:
    try:
        span = parse_span(text)
    except ValueError as error:
        raise ValueError(f"{told!r} is no period: {_MEND}") from error
    if not timedelta() < span <= LONGEST:
        raise ValueError(f"{told!r} is too long or nothing: a period has at most 366 days")
    return span


def _period(value: Any) -> Any:
    return parse_period(value) if isinstance(value, str) else value


Per = Annotated[Period, BeforeValidator(_period)]
