"""Which moment something falls into: the end of its step, where a time-lapse does it."""

import heapq
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


class Moments:
    """Maps times to moments, numbered from 1970 on, up to `until`."""

    def __init__(self, step: timedelta, until: datetime) -> None:
        self._step_us = step // _MICROSECOND
        self._until_us = microseconds(until)
        self._until = until
        self.last = self.of_us(self._until_us)

    def of(self, at: datetime) -> int:
        """The moment in which something happens that is due at `at`."""
        return -(-((at - _EPOCH) // _MICROSECOND) // self._step_us)

    def of_us(self, at_us: int) -> int:
        """The same for microseconds since 1970."""
        return -(-at_us // self._step_us)

    def time(self, moment: int) -> datetime:
        """When it is."""
        return (
            self._until if moment >= self.last else _EPOCH + moment * self._step_us * _MICROSECOND
        )

    def holds(self, at_us: int) -> bool:
        """Whether the run lasts until then."""
        return at_us <= self._until_us


class Agenda(Generic[T]):
    """Things by the moment in which they are to happen."""

    def __init__(self) -> None:
        self._things: defaultdict[int, list[T]] = defaultdict(list)
        self._ahead: list[int] = []

    def add(self, moment: int, thing: T) -> None:
        """Put one down."""
        if moment not in self._things:
            heapq.heappush(self._ahead, moment)
        self._things[moment].append(thing)

    @property
    def next(self) -> int | None:
        """The first moment that has something."""
        return self._ahead[0] if self._ahead else None

    def take(self, moment: int) -> list[T]:
        """Everything up to `moment`, in the order in which it was put down for each."""
        taken: list[T] = []
        while self._ahead and self._ahead[0] <= moment:
            taken += self._things.pop(heapq.heappop(self._ahead))
        return taken
