"""The day of a sender account: under which key it is counted, and what it may send."""

from datetime import datetime

from cadenza.accounts import Accounts, Period, SenderAccount, Unit
from cadenza.pacing.windows import counting, local_day


def account_day(
    accounts: Accounts, account: SenderAccount, at: datetime
) -> tuple[tuple[str, datetime], int]:
    """The counter of the account's day at `at` (key and beginning), and the cap of that day."""
    limits = account.limits
    zone = limits.zone or accounts.organisation.time_zone
    start, _ = counting(Period(unit=Unit.DAY), zone).bucket(at)
    cap = limits.per_day
    if limits.ramp is not None:
        cap = min(cap, limits.ramp.cap_on(local_day(start, zone)))
    return (f"account:{account.id}:day", start), cap
