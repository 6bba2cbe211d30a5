"""The ramp-up of a new sender account."""

from collections.abc import Sequence
from typing import ClassVar, Self

from cadenza.abc import Draw, LimitRule
from cadenza.accounts import Accounts, Period, Unit
from cadenza.pacing.caps import Cap
from cadenza.pacing.windows import counting

ACCOUNT_RAMP = "account_ramp"


class AccountRamp(LimitRule):
    """`limits.ramp`: the cap of a day grows from day to day."""

    reasons: ClassVar = (ACCOUNT_RAMP,)

    def __init__(self, zone: str) -> None:
        self._zone = zone

    @classmethod
    def from_accounts(cls, accounts: Accounts) -> Self:
        return cls(accounts.organisation.time_zone)

    def caps(self, draw: Draw) -> Sequence[Cap]:
        account = draw.account
        ramp = account.limits.ramp
        if ramp is None:
            return ()
        window = counting(Period(unit=Unit.DAY), account.limits.zone or self._zone)
        return (
            Cap(
                key=f"account:{account.id}:ramp",
                at_most=ramp.ceiling,
                window=window,
                reason=ACCOUNT_RAMP,
                ramp=ramp,
            ),
        )
