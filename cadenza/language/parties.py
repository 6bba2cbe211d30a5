"""`to: vendor`: another party of what the enrollment is about."""

import re

from cadenza.language.fields import Fields

_PARTY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,127}")


def take_party(fields: Fields) -> str | None:
    """The party under `to`; None for the prospect, or for a wrong one, which is reported."""
    return fields.name("to", _PARTY, "write what the subject calls the party, such as `vendor`")


def take_assignee(fields: Fields) -> str | None:
    """The role or the owner id under `for`; None for the prospect's owner."""
    return fields.name("for", _PERSON, "write a role or an owner id of the accounts file")
