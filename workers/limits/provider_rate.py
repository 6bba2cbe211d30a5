"""What all accounts of one provider may send per second together."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Self

from cadenza.abc import LimitRule, Quota
from cadenza.accounts import Accounts, ProviderLimits, SenderAccount


class ProviderRate(LimitRule):
    """`providers.<name>.per_second`, with a burst of at most a tenth of it."""

    name = "provider_rate"

    def __init__(self, providers: Mapping[str, ProviderLimits]) -> None:
        self._providers = providers

    @classmethod
    def from_accounts(cls, accounts: Accounts) -> Self:
        return cls(accounts.providers)

    def quotas(self, account: SenderAccount) -> Sequence[Quota]:
        limits = self._providers.get(account.provider)
        if limits is None:
            return ()
        return (
            Quota(
                key=f"provider:{account.provider}",
                limit=limits.per_second,
                period=timedelta(seconds=1),
                burst=max(1, limits.per_second // 10),
                reason=self.name,
            ),
        )
