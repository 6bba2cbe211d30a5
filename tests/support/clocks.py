"""Clocks that tests set."""

from datetime import UTC, datetime, timedelta

from cadenza.clock import Clock


class SetClock(Clock):
    """Schedule time is what the test says: wall time plus an offset, or frozen at a moment."""

    def __init__(self, frozen: datetime | None = None) -> None:
        self._frozen = frozen
        self._offset = timedelta()

    def now(self) -> datetime:
        return (self._frozen or datetime.now(UTC)) + self._offset

    def offset(self) -> timedelta:
        return self._offset

    async def sleep_until(self, moment: datetime, *, at_most_seconds: float) -> None:
        """Return at once: whoever sleeps looks again."""

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._offset += by
