"""What the limiter is asked for, and what it answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Quota:
    """`limit` permits per `period`, spread evenly (GCRA), with `burst` at once.

    Never more than `limit` are granted in any `period`, wherever it begins.
    key: shared by everybody who draws on it; made of names in the
    configuration and of hashes, never of a person's address. reason: what
    `explain` and the metrics call a deferral by it, e.g. `account_gap`.
    cost: permits that this touch takes; more than `limit` of them take the
    time of several periods. at_begin: kept between the moments at which
    touches really begin, not only between grants.
    """

    key: str
    limit: int
    period: timedelta
    burst: int = 1
    reason: str
    cost: int = 1
    at_begin: bool = False


@dataclass(frozen=True, kw_only=True)
class Grant:
    """The limiter's answer for one touch: granted, or when to ask again and why."""

    granted: bool
    retry_at: datetime | None = None
    reason: str | None = None
