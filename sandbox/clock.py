"""Schedule time: wall time plus the shared offset of the clock file."""

import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_OFFSET = struct.Struct("<q")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ScheduleClock:
    """Tells schedule time, in whole microseconds since 1970 (UTC).

    The clock file is mapped as soon as it exists; until then the offset is 0. Whoever writes it
    only ever lets the offset grow.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._map: mmap.mmap | None = None

    @property
    def can_jump(self) -> bool:
        """Whether somebody may move this clock."""
        return self._path is not None

    def now_us(self) -> int:
        """Return the schedule time in microseconds since the epoch."""
        return time.time_ns() // 1000 + self._offset_us()

    def now(self) -> datetime:
        """Return the schedule time as an aware UTC datetime."""
        return to_datetime(self.now_us())

    def close(self) -> None:
        """Unmap the clock file."""
        if self._map is not None:
            self._map.close()
            self._map = None

    def _offset_us(self) -> int:
        if self._map is None and not self._open():
            return 0
        assert self._map is not None  # noqa: S101 - for the type checker
        offset: int = _OFFSET.unpack_from(self._map)[0]
        return offset

    def _open(self) -> bool:
        if self._path is None:
            return False
        try:
            with self._path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), _OFFSET.size, access=mmap.ACCESS_READ)
        except (FileNotFoundError, ValueError):  # not made yet, or not yet eight bytes long
            return False
        return True


def to_datetime(at_us: int) -> datetime:
    """Return microseconds since the epoch as an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=at_us)


def to_iso(at_us: int) -> str:
    """Return microseconds since the epoch as ISO 8601 in UTC."""
    return to_datetime(at_us).isoformat()
