"""What all accounts of one provider may send in hours, days, weeks, months and rolling spans."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from cadenza.abc import Draw, LimitRule
from cadenza.accounts import Accounts, ProviderLimits
from cadenza.limits.spans import caps
from cadenza.pacing.caps import Cap


class ProviderWindows(LimitRule):
    """`providers.<name>.per_hour`, `per_day`, `per_week`, `per_month` and `rolling`."""

    reasons: ClassVar = (
        "provider_per_hour",
        "provider_per_day",
        "provider_per_week",
        "provider_per_month",
        "provider_rolling",
    )

    def __init__(self, providers: Mapping[str, ProviderLimits], zone: str) -> None:
        self._providers = providers
        self._zone = zone

    @classmethod
    def from_accounts(cls, accounts: Accounts) -> Self:
        return cls(accounts.providers, accounts.organisation.time_zone)

    def caps(self, draw: Draw) -> Sequence[Cap]:
        provider = draw.account.provider
        limits = self._providers.get(provider)
        if limits is None:
            return ()
        return caps(f"provider:{provider}", limits, limits.per_day, "provider", self._zone)
