"""What is known of a prospect, as the log keeps it: a course can depend on it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from cadenza.model import Profile

_NAMES = tuple(field.name for field in fields(Profile))


def facts_of(profile: Profile) -> dict[str, Any]:
    """The profile in JSON types."""
    return {name: getattr(profile, name) for name in _NAMES}


def profile_from(facts: Mapping[str, Any]) -> Profile:
    """The profile that `facts_of` was given."""
    return Profile(**facts)


def digest_of(profile: Profile) -> str:
    """Equal for equal profiles, and for no others; 32 hexadecimal digits."""
    text = json.dumps(facts_of(profile), sort_keys=True, default=dict)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
