"""Clocks that tests set."""

from datetime import UTC, datetime, timedelta

from cadenza.clock import Clock


class SetClock(Clock):
    """Schedule time that begins at `start` (default: wall time) and is moved by the test."""

    def __init__(self, start: datetime | None = None) -> None:
        self._offset = start - datetime.now(UTC) if start else timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def offset(self) -> timedelta:
        return self._offset

    async def sleep_until(self, moment: datetime, *, at_most_seconds: float) -> None:
        """Return at once: whoever sleeps looks again."""

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._offset += by
