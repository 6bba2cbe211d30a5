"""Caps: limits over long windows, whose counters are rows of the database."""

from dataclasses import dataclass, field
from datetime import datetime

from cadenza.accounts.ramp import Ramp
from cadenza.pacing.windows import CountingWindow, local_day

_OF_ACCOUNT = "account:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most `at_most` touches in `window`, or segments where they are texts.

    key: whoever has the same key is counted together; made of names in the
    configuration and of hashes, never of addresses. reason: what `explain`
    and the metrics call a touch that finds no room, e.g. `account_per_day`.
    ramp: the limit of a day, where it grows from day to day. is_own: whether
    it is of one account alone.
    """

    key: str
    at_most: int
    window: CountingWindow
    reason: str
    ramp: Ramp | None = None
    is_own: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_own", self.key.startswith(_OF_ACCOUNT))

    def limit_at(self, start: datetime) -> int:
        """How many may leave in the window of the bucket that begins at `start`."""
        if self.ramp is None:
            return self.at_most
        return min(self.at_most, self.ramp.cap_on(local_day(start, self.window.zone)))
