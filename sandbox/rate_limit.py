"""The request limits of the providers: so many a second for each account, in wall time."""

import time


class RateLimit:
    """A token bucket per account that holds one second's worth."""

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._buckets: dict[str, tuple[float, float]] = {}

    def allows(self, account: str) -> bool:
        """Return whether this account may make one more request now, and count it if so."""
        if self._per_second is None:
            return True
        size = max(self._per_second, 1.0)
        now = time.monotonic()
        tokens, at = self._buckets.get(account, (size, now))
        tokens = min(tokens + (now - at) * self._per_second, size)
        allowed = tokens >= 1
        self._buckets[account] = (tokens - 1 if allowed else tokens, now)
        return allowed
