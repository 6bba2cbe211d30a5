"""Spans and zones as people write them: `2 days`, `10 minutes`, `Europe/Paris`."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_SPAN = re.compile(r"^\s*(\d{1,6})\s*(second|minute|hour|day|week)s?\s*$")


def parse_span(text: str) -> timedelta:
    """`10 minutes` → timedelta. Raises ValueError that says what to write."""
    match = _SPAN.match(text)
    if not match:
        raise ValueError(f"{text!r} is not a span of time: write for instance `10 minutes`")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _span(value: Any) -> Any:
    return parse_span(value) if isinstance(value, str) else value


Span = Annotated[timedelta, BeforeValidator(_span)]


def zone(name: str) -> str:
    """Check that `name` is an IANA zone. Raises ValueError."""
    zone_info(name)
    return name


@lru_cache(maxsize=1024)
def zone_info(name: str) -> ZoneInfo:
    """The zone called `name`. Raises ValueError that says what to write."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone: write for instance Europe/Paris") from error


def day_of(moment: datetime, zone_name: str) -> date:
    """The calendar day of `moment` in a zone."""
    return moment.astimezone(zone_info(zone_name)).date()


def next_day(moment: datetime, zone_name: str) -> datetime:
    """When the next calendar day begins in a zone, in UTC."""
    tomorrow = day_of(moment, zone_name) + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone_info(zone_name)).astimezone(UTC)
