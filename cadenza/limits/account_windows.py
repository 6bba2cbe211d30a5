"""What one sender account may send in hours, days, weeks, months and rolling spans."""

from collections.abc import Sequence
from typing import ClassVar, Self

from cadenza.abc import Draw, LimitRule
from cadenza.accounts import Accounts
from cadenza.limits.spans import caps
from cadenza.pacing.caps import Cap


class AccountWindows(LimitRule):
    """`limits.per_hour`, `per_day`, `per_week`, `per_month` and `rolling` of an account."""

    reasons: ClassVar = (
        "account_per_hour",
        "account_per_day",
        "account_per_week",
        "account_per_month",
        "account_rolling",
    )

    def __init__(self, zone: str) -> None:
        self._zone = zone

    @classmethod
    def from_accounts(cls, accounts: Accounts) -> Self:
        return cls(accounts.organisation.time_zone)

    def caps(self, draw: Draw) -> Sequence[Cap]:
        limits = draw.account.limits
        return caps(f"account:{draw.account.id}", limits, limits.per_day, "account", self._zone)
