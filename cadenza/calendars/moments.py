"""Moments of a local day, handed out in UTC; and numbers drawn from who and what."""

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from cadenza.timespec import zone_info

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def local_date(moment: datetime, zone: str) -> date:
    """The date of `moment` in `zone`."""
    return moment.astimezone(zone_info(zone)).date()


@lru_cache(maxsize=16384)
def start_of_day(day: date, zone: str) -> datetime:
    """The first moment of `day` in `zone`, in UTC."""
    # Of a midnight that comes twice the first is meant; one that a clock
    # change skips is read by the old offset, which is the first moment after it.
    return datetime.combine(day, time.min, zone_info(zone)).astimezone(UTC)


def at_local_time(day: date, moment: datetime, zone: str) -> datetime:
    """The local time of day that `moment` has in `zone`, on `day`; in UTC, whole seconds up."""
    clock_time = moment.astimezone(zone_info(zone)).time().replace(fold=0)
    return whole_second(datetime.combine(day, clock_time, zone_info(zone)).astimezone(UTC))


def both_readings(day: date, minute: int, zone: str) -> tuple[datetime, datetime]:
    """Both readings of a local time; they differ only around a clock change (PEP 495).

    minute: since midnight; 1440 and more lie on the next day.
    """
    days, minute = divmod(minute, 1440)
    clock_time = time(*divmod(minute, 60))
    local = datetime.combine(day + days * DAY, clock_time, zone_info(zone))
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def whole_second(moment: datetime) -> datetime:
    """`moment`, or the next whole second."""
    return moment.replace(microsecond=0) + SECOND if moment.microsecond else moment


def whole_minute(moment: datetime) -> datetime:
    """`moment`, or the next whole minute."""
    if moment.second or moment.microsecond:
        return moment.replace(second=0, microsecond=0) + MINUTE
    return moment


def draw(*seed: str | int) -> int:
    """A number from 0 to 2⁶⁴ - 1, fixed by `seed` on every machine."""
    text = "\0".join(str(part) for part in seed)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
