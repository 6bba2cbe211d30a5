"""People on the social network: one name in three forms, each found from the others."""

import base64
import binascii

_PREFIX = "ACoAA"


def provider_id(public_id: str) -> str:
    """Return the provider's own id of a public profile id; `public_identifier` undoes it."""
    return _PREFIX + base64.urlsafe_b64encode(public_id.lower().encode()).decode().rstrip("=")


def public_identifier(identifier: str) -> str | None:
    """Return the public id that a provider id stands for, or None if it is not one."""
    if not identifier.startswith(_PREFIX):
        return None
    encoded = identifier.removeprefix(_PREFIX)
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode() or None
    except (binascii.Error, UnicodeDecodeError):
        return None


def full_name(public_id: str) -> str:
    """Return a person's name as their public profile id suggests it."""
    words = [word.capitalize() for word in public_id.split("-") if not word.isdigit()]
    return " ".join(words) or public_id


def profile_url(public_id: str) -> str:
    """Return the address of a profile page."""
    return f"https://www.linkedin.com/in/{public_id}/"
