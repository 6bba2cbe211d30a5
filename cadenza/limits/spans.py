"""What the limits of an account and of a provider have in common."""

from collections.abc import Sequence
from datetime import timedelta

from cadenza.accounts import Period, Unit, Windows
from cadenza.model import Quota
from cadenza.pacing.caps import Cap
from cadenza.pacing.windows import counting


def rates(key: str, limits: Windows, reason: str, cost: int) -> Sequence[Quota]:
    """`per_second` and `per_minute`, with a burst of at most a tenth of them."""
    found = []
    for most, word, seconds in (
        (limits.per_second, "second", 1),
        (limits.per_minute, "minute", 60),
    ):
        if most is not None:
            found.append(
                Quota(
                    key=f"{key}:{word}",
                    limit=most,
                    period=timedelta(seconds=seconds),
                    burst=max(1, most // 10),
                    reason=reason,
                    cost=cost,
                )
            )
    return found


def caps(key: str, limits: Windows, per_day: int | None, owner: str, zone: str) -> Sequence[Cap]:
    """The calendar and rolling windows. owner: `account` or `provider`, for the reasons."""
    zone = limits.zone or zone
    counts = (
        (limits.per_hour, Unit.HOUR),
        (per_day, Unit.DAY),
        (limits.per_week, Unit.WEEK),
        (limits.per_month, Unit.MONTH),
    )
    found = [
        Cap(
            key=f"{key}:{unit}",
            at_most=most,
            window=counting(Period(unit=unit), zone),
            reason=f"{owner}_per_{unit}",
        )
        for most, unit in counts
        if most is not None
    ]
    found += [
        Cap(
            key=f"{key}:{period}",
            at_most=most,
            window=counting(period, zone),
            reason=f"{owner}_rolling",
        )
        for period, most in limits.rolling.items()
    ]
    return found
