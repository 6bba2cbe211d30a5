"""What templates and conditions may say: about the people, the company and the matter."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cadenza.accounts import Accounts, Organisation, Owner, SenderAccount
from cadenza.language.variants import Audience
from cadenza.model import Profile

if TYPE_CHECKING:
    from cadenza.language.cadence import Cadence, Segment

REGION = "region"
"""The segment whose name chooses variants of templates."""

_OF_PROFILE = ("email", "phone", "country", "locale", "time_zone")
_NOTHING: Mapping[str, Any] = {}


def variables_for(
    profile: Profile,
    accounts: Accounts,
    account: SenderAccount | None = None,
    unsubscribe_url: str | None = None,
    *,
    cadence: "Cadence",
    to: str | None = None,
) -> Mapping[str, Any]:
    """The variables of one touch.

    account: None for tasks. unsubscribe_url: None where none applies. to:
    the party whom the step reaches, None: the prospect.

    `prospect.…` is what the profile itself knows (address, country, locale,
    zone), then the fields that came with the prospect, then those of the
    segment tables; the first with a value counts. Values that are missing
    are left out, or None: templates notice either.
    """
    segments = cadence.segments
    rows = {name: segment_row(segment, profile) for name, segment in segments.items()}
    own = {name: value for name in _OF_PROFILE if (value := getattr(profile, name)) is not None}
    prospect = {**profile.fields, **own}
    for row in rows.values():
        for name, value in row.items():
            if prospect.get(name) in (None, "") and name != "name":
                prospect[name] = value
    owner = accounts.owner_by_id.get(profile.owner_id)
    return {
        "prospect": prospect,
        "company": _company(profile),
        "subject": profile.subject,
        "segment": {name: row["name"] for name, row in rows.items() if row},
        "party": profile.parties.get(to, _NOTHING) if to else _NOTHING,
        "owner": _of_owner(owner) if owner else _NOTHING,
        "sender": _of_account(account) if account else _NOTHING,
        "organisation": _of_organisation(accounts.organisation),
        "unsubscribe_url": unsubscribe_url,
    }


def audience_for(profile: Profile, *, cadence: "Cadence", to: str | None = None) -> Audience:
    """Which variants of texts a touch uses: by the language of whom it reaches, and the region.

    A party without a language of its own is written to in the cadence's.
    """
    party = profile.parties.get(to) if to else None
    locale = profile.locale if to is None else (party or _NOTHING).get("locale")
    region = cadence.segments.get(REGION)
    name = segment_row(region, profile).get("name") if region else None
    return Audience(locale=locale or None, region=name)


def segment_row(segment: "Segment", profile: Profile) -> Mapping[str, str]:
    """The row of a segment table that this prospect belongs to; empty: none."""
    return segment.row_for(profile)


def _company(profile: Profile) -> Mapping[str, Any]:
    # A prospect's `company` is its name, where nothing else is known of it.
    if profile.company.get("name") or "company" not in profile.fields:
        return profile.company
    return {**profile.company, "name": profile.fields["company"]}


@lru_cache(maxsize=1024)
def _of_owner(owner: Owner) -> Mapping[str, Any]:
    return {
        "name": owner.name,
        "title": owner.title,
        "phone": owner.phone,
        "email": owner.email,
        "signature": owner.signature,
    }


def _of_account(account: SenderAccount) -> Mapping[str, Any]:
    return {"name": account.name, "address": account.address, "signature": account.signature}


@lru_cache(maxsize=4)
def _of_organisation(organisation: Organisation) -> Mapping[str, Any]:
    return {"name": organisation.name, "postal_address": organisation.postal_address}
