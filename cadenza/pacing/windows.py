"""Windows that counters count in: periods of the calendar, and rolling spans cut into buckets."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from cadenza.accounts.period import HOUR, Period, Unit
from cadenza.timespec import zone_info

DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_QUARTER = timedelta(minutes=15)
_BUCKETS = 24
_MOST_KNOWN = 20_000


class CountingWindow:
    """Says in which bucket a moment is counted, and which earlier ones count with it.

    Made by `counting`, one for each period and zone. zone: in which hours,
    days, weeks and months begin; of a rolling span it means nothing.
    earlier: how many buckets before the present one count with it. grain:
    the length of a bucket of a rolling span, in whole seconds up.

    A rolling span is cut into 24 buckets, and a bucket counts together with
    the 24 before it. No window of the span's length touches more than these
    25, so none ever holds more than the limit, wherever it begins; the price
    is that room comes back up to a twenty-fourth of the span late.
    """

    __slots__ = ("_known", "earlier", "grain", "period", "zone")

    def __init__(self, period: Period, zone: str) -> None:
        self.period = period
        self.zone = zone
        self.earlier = 0 if period.span is None else _BUCKETS
        self.grain = -(-(period.span or HOUR) // (_BUCKETS * _SECOND)) * _SECOND
        self._known: dict[int, tuple[datetime, datetime]] = {}

    def bucket(self, at: datetime, quarter: int | None = None) -> tuple[datetime, datetime]:
        """Beginning and end of the bucket of `at`, in UTC. quarter: `quarter_of(at)` if known."""
        if self.earlier:
            start = _EPOCH + (at - _EPOCH) // self.grain * self.grain
            return start, start + self.grain
        if quarter is None:
            quarter = quarter_of(at)
        found = self._known.get(quarter)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[quarter] = self._calendar(at)
        return found

    def number(self, at: datetime) -> int:
        """The number of the bucket of `at` in a rolling span; neighbours follow each other."""
        return (at - _EPOCH) // self.grain

    def _calendar(self, at: datetime) -> tuple[datetime, datetime]:
        if self.period.unit is Unit.HOUR:
            return _hour(at, self.zone)
        local = at.astimezone(zone_info(self.zone)).date()
        return _days(local, self.period.unit or Unit.DAY, self.zone)


def quarter_of(at: datetime) -> int:
    """The number of the quarter of an hour; zones change their clocks at the end of one."""
    return (at - _EPOCH) // _QUARTER


@lru_cache(maxsize=4096)
def counting(period: Period, zone: str) -> CountingWindow:
    """The window of a period in a zone; the same one each time."""
    return CountingWindow(period, zone)


def _hour(at: datetime, zone: str) -> tuple[datetime, datetime]:
    """The hour by the zone's clock: zones may be half an hour apart from UTC."""
    offset = at.astimezone(zone_info(zone)).utcoffset() or timedelta()
    start = _EPOCH + (at + offset - _EPOCH) // HOUR * HOUR - offset
    return start, start + HOUR


@lru_cache(maxsize=8192)
def _days(day: date, unit: Unit, zone: str) -> tuple[datetime, datetime]:
    first, following = day, day + DAY
    if unit is Unit.WEEK:
        first = day - day.weekday() * DAY
        following = first + 7 * DAY
    elif unit is Unit.MONTH:
        first = day.replace(day=1)
        following = (first + 31 * DAY).replace(day=1)
    return _midnight(first, zone), _midnight(following, zone)


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), zone_info(zone)).astimezone(UTC)


@lru_cache(maxsize=4096)
def local_day(start: datetime, zone: str) -> date:
    """The date on which a day-long bucket lies."""
    return start.astimezone(zone_info(zone)).date()
