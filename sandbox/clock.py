"""Schedule time: wall time plus the shared offset of the clock file, or a moment that stands."""

import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_WORD = struct.Struct("<q")
_STANDS_AT = _WORD.size
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ScheduleClock:
    """Tells schedule time, in whole microseconds since 1970 (UTC).

    The clock file is mapped as soon as it exists; until then the offset is 0. Whoever writes it
    only ever lets the offset grow. A second word, where there is one and it is not 0, is the moment
    at which schedule time stands still.
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
        if self._map is None and not self._open():
            return time.time_ns() // 1000
        assert self._map is not None  # noqa: S101 - for the type checker
        if len(self._map) > _STANDS_AT:
            stands_at: int = _WORD.unpack_from(self._map, _STANDS_AT)[0]
            if stands_at:
                return stands_at
        offset: int = _WORD.unpack_from(self._map)[0]
        return time.time_ns() // 1000 + offset

    def now(self) -> datetime:
        """Return the schedule time as an aware UTC datetime."""
        return to_datetime(self.now_us())

    def close(self) -> None:
        """Unmap the clock file."""
        if self._map is not None:
            self._map.close()
            self._map = None

    def _open(self) -> bool:
        if self._path is None:
            return False
        try:
            with self._path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (FileNotFoundError, ValueError):  # not made yet, or still empty
            return False
        if len(mapped) < _WORD.size:
            mapped.close()
            return False
        self._map = mapped
        return True


def to_datetime(at_us: int) -> datetime:
    """Return microseconds since the epoch as an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=at_us)


def to_us(at: datetime) -> int:
    """Return an aware datetime as microseconds since the epoch."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def to_iso(at_us: int) -> str:
    """Return microseconds since the epoch as ISO 8601 in UTC."""
    return to_datetime(at_us).isoformat()
