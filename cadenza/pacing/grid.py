"""The times at which an account with a gap may be used, numbered.

Slot k lies at `k * stride + drawn(k) * play`, where the stride is the gap
and half of its jitter, and the play that half. So two neighbours are never
nearer than the gap and never further apart than the gap and its jitter, the
pattern is another for each account, and every slot can be computed by
itself: nothing has to be remembered but which are taken. Touches that take
these slots, and no others, can never leave a hole that is just too narrow
for one more.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cadenza.accounts import SenderAccount
from cadenza.calendars import draw

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = 60
_MOST_KNOWN = 50_000
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Grid:
    """The slots of one account. All numbers are milliseconds but `unit`, in seconds.

    unit: slots lie on whole multiples of it: minutes where the gap is one
    of whole minutes, so that what is released together stays apart.
    """

    seed: int
    stride: int
    play: int
    gap: int
    unit: int
    _known: dict[int, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    _numbers: dict[int, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def at(self, number: int) -> int:
        """When slot `number` is, in seconds since 1970."""
        second = self._known.get(number)
        if second is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
                self._numbers.clear()
            second = self._known[number] = self._computed(number)
            self._numbers[second] = number
        return second

    def _computed(self, number: int) -> int:
        drawn = _mixed(self.seed + number) * self.play >> 64
        exact = self.seed % self.stride + number * self.stride + drawn
        return -(-exact // (1000 * self.unit)) * self.unit

    def first_from(self, second: int) -> int:
        """The number of the first slot that is not before `second`."""
        # From here on all are: before it, those that drew much or were rounded up.
        number = -(-(1000 * second - self.seed % self.stride) // self.stride)
        while self.at(number - 1) >= second:
            number -= 1
        return number

    def near(self, second: int) -> list[int]:
        """The slots that `second` takes: its own if it is one, else all within a gap of it."""
        own = self._numbers.get(second)
        if own is not None:
            return [own]
        number = self.first_from(second)
        if self.at(number) == second:
            return [number]
        return [n for n in (number - 1, number) if abs(self.at(n) - second) * 1000 < self.gap]


@lru_cache(maxsize=16384)
def _grid(account_id: str, gap: timedelta, jitter: float) -> Grid:
    milliseconds = max(1, gap // timedelta(milliseconds=1))
    play = int(milliseconds * jitter / 2)
    unit = _MINUTE if milliseconds % (1000 * _MINUTE) == 0 else 1
    return Grid(
        seed=draw("slots", account_id) >> 1,
        stride=milliseconds + play,
        play=play,
        gap=milliseconds,
        unit=unit,
    )


def grid_of(account: SenderAccount) -> Grid | None:
    """The slots of an account; None if it has no gap, and any time will do."""
    limits = account.limits
    return _grid(account.id, limits.min_gap, limits.gap_jitter) if limits.min_gap else None


def _mixed(value: int) -> int:
    """64 bits that look random. Source: Steele, Lea and Flood, SplitMix64, 2014."""
    value = (value * 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
