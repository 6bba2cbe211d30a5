"""How many people one social profile may invite to connect."""

from collections.abc import Sequence
from typing import ClassVar, Self

from cadenza.abc import Draw, LimitRule
from cadenza.accounts import Accounts, Period, Unit
from cadenza.pacing.caps import Cap
from cadenza.pacing.windows import counting

_REASON = "account_invitations"
_INVITES = "connect"


class AccountInvitations(LimitRule):
    """`limits.invitations_per_day`: networks count invitations apart from everything else."""

    reasons: ClassVar = (_REASON,)

    def __init__(self, zone: str) -> None:
        self._zone = zone

    @classmethod
    def from_accounts(cls, accounts: Accounts) -> Self:
        return cls(accounts.organisation.time_zone)

    def caps(self, draw: Draw) -> Sequence[Cap]:
        limits = draw.account.limits
        if draw.action != _INVITES or limits.invitations_per_day is None:
            return ()
        return (
            Cap(
                key=f"account:{draw.account.id}:invitations",
                at_most=limits.invitations_per_day,
                window=counting(Period(unit=Unit.DAY), limits.zone or self._zone),
                reason=_REASON,
            ),
        )
