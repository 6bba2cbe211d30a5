"""The minimum gap between two touches from one sender account."""

from collections.abc import Sequence
from typing import Self

from cadenza.abc import LimitRule, Quota
from cadenza.accounts import Accounts, SenderAccount


class AccountGap(LimitRule):
    """One touch per `limits.min_gap`."""

    name = "account_gap"

    @classmethod
    def from_accounts(cls, accounts: Accounts) -> Self:
        del accounts
        return cls()

    def quotas(self, account: SenderAccount) -> Sequence[Quota]:
        if not account.limits.min_gap:
            return ()
        return (
            Quota(
                key=f"account:{account.id}",
                limit=1,
                period=account.limits.min_gap,
                reason=self.name,
            ),
        )
