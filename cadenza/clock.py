"""The only source of time.

Schedule time is wall time plus an offset: 0 in production, moved forward
by the conductor of a time-lapse, who may also make it stand still between
two jumps: then everything that is done in one moment has one time, however
long it takes, and a run can be repeated to the second. Both numbers live
in a file of sixteen bytes that every process of one deployment maps into
memory, so a jump is seen everywhere at once and costs nothing to read.
"""

import asyncio
import mmap
import os
import struct
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from pathlib import Path

# Two words of eight bytes, each written and read as a whole: what schedule
# time is ahead of wall time; and the moment at which it stands still, in
# microseconds since 1970 (0: it runs).
_WORD = struct.Struct("<q")
_OFFSET_AT, _STANDS_AT, _SIZE = 0, 8, 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_POLL_SECONDS = 0.002


class Clock(ABC):
    """Schedule time for what is planned; wall and monotonic time for leases and timeouts."""

    @abstractmethod
    def now(self) -> datetime:
        """Schedule time: aware, UTC, never goes back by more than the wall clock does."""

    @abstractmethod
    async def sleep_until(self, moment: datetime, *, at_most_seconds: float) -> None:
        """Return when schedule time reaches `moment`, or after `at_most_seconds` of real time.

        Also returns early when schedule time jumps: who planned meanwhile may
        have planned something earlier, so callers look again.
        """

    def offset(self) -> timedelta:
        """What schedule time is ahead of wall time."""
        return timedelta()

    def running(self) -> datetime:
        """Schedule time as it would be if nobody made it stand still: for rates per second."""
        return self.wall() + self.offset()

    def standing(self) -> datetime | None:
        """The moment at which somebody makes schedule time stand still; None while it runs."""
        return None

    def wall(self) -> datetime:
        """Wall time: aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds from an arbitrary point; for durations."""
        return time.monotonic()


class WallClock(Clock):
    """Production: schedule time is wall time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, moment: datetime, *, at_most_seconds: float) -> None:
        seconds = (moment - self.now()).total_seconds()
        await asyncio.sleep(max(0.0, min(seconds, at_most_seconds)))


class OffsetClock(Clock):
    """Time-lapse: schedule time is wall time plus the offset in a shared file, or stands still.

    path: the file; created with offset 0, running, if absent. Only the
    conductor calls `stand_at` and `run_on`.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size < _SIZE:
                os.ftruncate(descriptor, _SIZE)
            self._map = mmap.mmap(descriptor, _SIZE)
        finally:
            os.close(descriptor)

    def offset(self) -> timedelta:
        return timedelta(microseconds=_WORD.unpack_from(self._map, _OFFSET_AT)[0])

    def now(self) -> datetime:
        return self.standing() or datetime.now(UTC) + self.offset()

    def standing(self) -> datetime | None:
        stands_at = _WORD.unpack_from(self._map, _STANDS_AT)[0]
        return _EPOCH + timedelta(microseconds=stands_at) if stands_at else None

    async def sleep_until(self, moment: datetime, *, at_most_seconds: float) -> None:
        # A jump must be seen at once: with thousands of jumps in a minute, a
        # notification costs more than looking at eight mapped bytes does.
        deadline, offset = self.monotonic() + at_most_seconds, self.offset()
        while self.offset() == offset:
            left = min(deadline - self.monotonic(), (moment - self.now()).total_seconds())
            if left <= 0:
                return
            await asyncio.sleep(min(_POLL_SECONDS, left))

    def stand_at(self, moment: datetime) -> None:
        """Move schedule time forward to `moment` and hold it there; never moves it back."""
        offset = (moment - datetime.now(UTC)) // _MICROSECOND
        if offset > _WORD.unpack_from(self._map, _OFFSET_AT)[0]:
            _WORD.pack_into(self._map, _OFFSET_AT, offset)
            _WORD.pack_into(self._map, _STANDS_AT, (moment - _EPOCH) // _MICROSECOND)

    def run_on(self) -> None:
        """Let schedule time run again."""
        _WORD.pack_into(self._map, _STANDS_AT, 0)


def open_clock(clock_file: Path | None) -> Clock:
    """The clock of this process: `clock_file` names the shared file of a time-lapse."""
    return OffsetClock(clock_file) if clock_file is not None else WallClock()
