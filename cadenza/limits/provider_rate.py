"""What all accounts of one provider may send per second and per minute together."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from cadenza.abc import Draw, LimitRule
from cadenza.accounts import Accounts, ProviderLimits
from cadenza.limits.spans import rates
from cadenza.model import Quota

_REASON = "provider_rate"


class ProviderRate(LimitRule):
    """`providers.<name>.per_second` and `per_minute`."""

    reasons: ClassVar = (_REASON,)

    def __init__(self, providers: Mapping[str, ProviderLimits]) -> None:
        self._providers = providers

    @classmethod
    def from_accounts(cls, accounts: Accounts) -> Self:
        return cls(accounts.providers)

    def quotas(self, draw: Draw) -> Sequence[Quota]:
        provider = draw.account.provider
        limits = self._providers.get(provider)
        if limits is None:
            return ()
        return rates(f"provider:{provider}", limits, _REASON, draw.segments)
