"""What limits look at, from what is known of a touch."""

from cadenza.abc import Draw, StepType
from cadenza.accounts import SenderAccount
from cadenza.model import Channel


def draw_of(
    account: SenderAccount, step: StepType | None, *, address: str | None, company: str | None
) -> Draw:
    """The draw of a touch of `step` to `address` from `account`. company: of its prospect."""
    domain = None
    if account.channel is Channel.EMAIL and address:
        domain = address.rpartition("@")[2].lower() or None
    action = getattr(step, "action", None)
    return Draw(
        account=account,
        domain=domain,
        company=company.lower() if company else None,
        action=action if account.channel is Channel.SOCIAL else None,
    )
