"""Ramp-up: how much a new account may send on each of its first days."""

from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from cadenza.accounts.values import Strict
from cadenza.timespec import Span

_DAY = timedelta(days=1)


def _whole_days(span: timedelta) -> timedelta:
    if span < _DAY or span % _DAY:
        raise ValueError("write a whole number of days, for instance `1 day`")
    return span


class Ramp(Strict):
    """`start` on day `since`, `step` more after each `every`, at most `ceiling`; before it none."""

    start: int = Field(default=10, ge=1, le=1_000_000)
    step: int = Field(default=5, ge=1, le=1_000_000)
    every: Annotated[Span, AfterValidator(_whole_days)] = _DAY
    ceiling: int = Field(default=50, ge=1, le=1_000_000)
    since: date

    def cap_on(self, day: date) -> int:
        """How many touches may leave on `day`. Pure."""
        if day < self.since:
            return 0
        return min(self.ceiling, self.start + self.step * ((day - self.since) // self.every))
