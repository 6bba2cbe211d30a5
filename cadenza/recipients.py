"""Whom a touch reaches: the prospect, or another party of what the enrollment is about."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cadenza.addresses import email_address, phone_number
from cadenza.calendars.resolving import country_of
from cadenza.calendars.zones import POSSIBLE, zones_by_number
from cadenza.model import Channel, Profile

if TYPE_CHECKING:
    from cadenza.language.cadence import Cadence

_LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Where a touch goes. locale: in what language. party: who, if it is not the prospect."""

    address: str
    name: str
    locale: str | None
    party: str | None = None


def recipient_for(channel: Channel, to: str | None, profile: Profile) -> Recipient | None:
    """Whom a touch on `channel` reaches; None if there is no address to reach them at.

    to: the party that the step names, one of `profile.parties`; None: the
    prospect. A party's address that is none counts as missing: a touch is
    passed over rather than sent to somebody else.
    """
    if to is None:
        address = _own_address(channel, profile)
        if address is None:
            return None
        return Recipient(address=address, name=full_name(profile), locale=profile.locale)
    party = profile.parties.get(to)
    address = _party_address(channel, party, profile.country) if party else None
    if party is None or address is None:
        return None
    return Recipient(
        address=address,
        name=_line(party.get("name", "")),
        locale=party.get("locale") or None,
        party=to,
    )


def address_for(channel: Channel, to: str | None, profile: Profile) -> str | None:
    """The address of whom `recipient_for` would find: asked whenever a touch is planned."""
    if to is None:
        return _own_address(channel, profile)
    party = profile.parties.get(to)
    return _party_address(channel, party, profile.country) if party is not None else None


def recipient_of(
    cadence: "Cadence", step: str, channel: Channel, profile: Profile
) -> Recipient | None:
    """The same for a touch of the step `step`, whatever has become of that step."""
    return recipient_for(channel, party_of(cadence, step), profile)


def party_of(cadence: "Cadence", step: str) -> str | None:
    """Which party a step names, if it is another one than the prospect."""
    to: str | None = getattr(cadence.steps.get(step), "to", None)
    return to


def by_whose_hours(channel: Channel, recipient: Recipient, profile: Profile) -> Profile:
    """Who lives by the hours at which a touch may go: the prospect, but for texts to a party.

    A text wakes whom it reaches: so that is as if the prospect lived where
    the party's number belongs.
    """
    if recipient.party is None or channel is not Channel.SMS:
        return profile
    number = recipient.address
    zones = zones_by_number(number, profile.time_zone)
    return replace(
        profile,
        time_zone=zones[0],
        country=country_of(number) or profile.country,
        phone=number,
        fields={POSSIBLE: " ".join(zones[1:])} if len(zones) > 1 else {},
    )


def full_name(profile: Profile) -> str:
    """The prospect's name, as far as it is known."""
    names = (profile.fields.get("first_name"), profile.fields.get("last_name"))
    return _line(" ".join(str(name) for name in names if name))


def _own_address(channel: Channel, profile: Profile) -> str | None:
    match channel:
        case Channel.EMAIL:
            return profile.email
        case Channel.SMS:
            return profile.phone
        case Channel.SOCIAL:
            return profile.profile
        case Channel.WEBHOOK:
            return ""  # the account's own address: no person is reached
        case _:
            return None


def _party_address(channel: Channel, party: Mapping[str, str], country: str | None) -> str | None:
    """A party's address in one spelling; it came as data and was never checked."""
    try:
        if channel is Channel.EMAIL and party.get("email"):
            return email_address(str(party["email"]))
        if channel is Channel.SMS and party.get("phone"):
            return phone_number(str(party["phone"]), country)
    except ValueError:
        return None
    return None


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST_NAME]
