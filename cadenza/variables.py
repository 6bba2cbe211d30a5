"""What templates may say: the variables of one prospect, owner and sender account."""

from collections.abc import Mapping
from typing import Any

from cadenza.accounts import Accounts, SenderAccount
from cadenza.model import Profile


def variables_for(
    profile: Profile,
    accounts: Accounts,
    account: SenderAccount | None = None,
    unsubscribe_url: str = "",
) -> Mapping[str, Any]:
    """The variables of one touch. Absent values are left out, so that templates notice."""
    owner = accounts.owner_by_id.get(profile.owner_id)
    prospect = {
        "email": profile.email,
        "phone": profile.phone,
        "country": profile.country,
        "locale": profile.locale,
        "time_zone": profile.time_zone,
        **profile.fields,
    }
    variables: dict[str, Any] = {
        "prospect": {name: value for name, value in prospect.items() if value not in (None, "")},
        "organisation": accounts.organisation.model_dump(),
        "owner": owner.model_dump() if owner else {},
        "unsubscribe_url": unsubscribe_url,
    }
    if account is not None:
        variables["sender"] = {"name": account.name, "address": account.address}
    return variables
