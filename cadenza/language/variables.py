"""What templates and conditions may say about the people involved."""

from typing import Any

from cadenza.accounts import Organisation, Owner, SenderAccount
from cadenza.language.template import Variables
from cadenza.model import Profile

_OF_PROFILE = ("email", "phone", "country", "locale", "time_zone")


def prospect_value(profile: Profile, name: str) -> Any:
    """What is known under `prospect.<name>`; None: nothing."""
    return getattr(profile, name) if name in _OF_PROFILE else profile.fields.get(name)


def variables_for(
    *,
    profile: Profile,
    owner: Owner,
    sender: SenderAccount | None,
    organisation: Organisation,
    unsubscribe_url: str | None,
) -> Variables:
    """The variables of one touch. sender: None for tasks. unsubscribe_url: None where none applies.

    The prospect's own fields cannot hide the email, phone, country, locale
    and zone of the profile itself.
    """
    return {
        "prospect": {**profile.fields, **{name: getattr(profile, name) for name in _OF_PROFILE}},
        "owner": {
            "name": owner.name,
            "title": owner.title,
            "phone": owner.phone,
            "email": owner.email,
            "signature": owner.signature,
        },
        "sender": {"name": sender.name, "address": sender.address} if sender else {},
        "organisation": {
            "name": organisation.name,
            "postal_address": organisation.postal_address,
        },
        "unsubscribe_url": unsubscribe_url,
    }
