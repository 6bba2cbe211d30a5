"""The minimum gap between two touches from one sender account."""

from collections.abc import Sequence
from typing import ClassVar, Self

from cadenza.abc import Draw, LimitRule
from cadenza.accounts import Accounts
from cadenza.model import Quota

ACCOUNT_GAP = "account_gap"


class AccountGap(LimitRule):
    """One touch per `limits.min_gap`. Jitter is a matter of planning: it only makes gaps longer."""

    reasons: ClassVar = (ACCOUNT_GAP,)

    @classmethod
    def from_accounts(cls, accounts: Accounts) -> Self:
        del accounts
        return cls()

    def quotas(self, draw: Draw) -> Sequence[Quota]:
        account = draw.account
        if not account.limits.min_gap:
            return ()
        return (
            Quota(
                key=f"account:{account.id}",
                limit=1,
                period=account.limits.min_gap,
                reason=ACCOUNT_GAP,
                at_begin=True,
            ),
        )
