"""Whom a person means at the command line or the API."""

from collections.abc import Callable, Sequence

from cadenza.addresses import email_address, linkedin_profile, phone_number
from cadenza.errors import UnknownName
from cadenza.model import Profile
from cadenza.storage import prospects
from cadenza.storage.database import Connection

_LONGEST = 500


async def find_people(db: Connection, who: str) -> Sequence[Profile]:
    """Prospects by key, own id, email, phone or LinkedIn profile, or all of a company.

    Addresses may be spelled as people spell them. Raises UnknownName if there is nobody.
    """
    for spelling in _spellings(who.strip()[:_LONGEST]):
        found = await prospects.find(db, spelling)
        if found:
            return found
    raise UnknownName(
        f"nobody is known as {who[:80]!r}: give a prospect's id, email, phone or LinkedIn "
        "profile, or a company"
    )


def _spellings(who: str) -> Sequence[str]:
    """As it was written, then as it would be stored."""
    found = [who]
    normalise: Callable[[str], str]
    for normalise in (email_address, phone_number, linkedin_profile):
        try:
            found.append(normalise(who))
        except ValueError:
            continue
    return list(dict.fromkeys(spelling for spelling in found if spelling and "\0" not in spelling))
