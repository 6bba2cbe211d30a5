"""Seeded chance: the same names always give the same draws, in whatever order they are asked."""

import hashlib
import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeVar

T = TypeVar("T")

_NORMAL = NormalDist()


class Draw:
    """A short stream of uniform numbers that depends on `names` alone.

    Cheaper to begin than `random.Random`, which matters when every message has its own.
    """

    __slots__ = ("_block", "_position")

    def __init__(self, *names: str | int) -> None:
        key = "\x1f".join(map(str, names)).encode("utf-8", "surrogatepass")
        self._block = hashlib.blake2b(key).digest()
        self._position = 0

    def uniform(self) -> float:
        """Return the next number in [0, 1)."""
        if self._position == len(self._block):
            self._block = hashlib.blake2b(self._block).digest()
            self._position = 0
        word = int.from_bytes(self._block[self._position : self._position + 8], "little")
        self._position += 8
        # The top 53 bits: dividing all 64 would now and then round up to 1.0.
        return (word >> 11) * 2.0**-53

    def happens(self, probability: float) -> bool:
        """Return whether something of this probability happens."""
        return self.uniform() < probability

    def choice(self, options: Sequence[T]) -> T:
        """Return one of `options`, each as likely as the next."""
        return options[int(self.uniform() * len(options))]

    def weighted(self, options: Sequence[T], weights: Sequence[float]) -> T:
        """Return one of `options` by its weight."""
        mark = self.uniform() * sum(weights)
        for option, weight in zip(options, weights, strict=True):
            mark -= weight
            if mark < 0:
                return option
        return options[-1]

    def delay_us(self, *, median_minutes: float, spread: float, most_minutes: float) -> int:
        """Return a human delay in microseconds: log-normal, at least a twentieth of the median.

        `spread` is the standard deviation of the logarithm: 1.0 puts two thirds of the delays
        between median / 2.7 and median * 2.7.
        """
        quantile = min(max(self.uniform(), 1e-9), 1 - 1e-9)
        minutes = median_minutes * math.exp(spread * _NORMAL.inv_cdf(quantile))
        return int(min(max(minutes, median_minutes / 20), most_minutes) * 60_000_000)

    def token(self, length: int = 12) -> str:
        """Return `length` hexadecimal digits, at most 13."""
        return f"{int(self.uniform() * 2**53):013x}"[:length]
