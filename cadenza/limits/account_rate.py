"""What one sender account may send per second and per minute; texts count their segments."""

from collections.abc import Sequence
from typing import ClassVar, Self

from cadenza.abc import Draw, LimitRule
from cadenza.accounts import Accounts
from cadenza.limits.spans import rates
from cadenza.model import Quota

_REASON = "account_rate"


class AccountRate(LimitRule):
    """`limits.per_second` and `limits.per_minute` of an account."""

    reasons: ClassVar = (_REASON,)

    @classmethod
    def from_accounts(cls, accounts: Accounts) -> Self:
        del accounts
        return cls()

    def quotas(self, draw: Draw) -> Sequence[Quota]:
        return rates(f"account:{draw.account.id}", draw.account.limits, _REASON, draw.segments)
