"""Enrollment messages: the document, and what a good row is. Pure.

A message is a JSON object, at most 8 MiB:

    {"key": "import-17-part-3", "cadence": "ten-touch",
     "prospects": [{"email": "ada@example.com", "first_name": "Ada", …}, …]}

`key` names the message for ever: it may be sent again, and is applied
once. A row's known members are those of `RowFields`; every other member
with a simple value becomes a field for templates and branches.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cadenza.accounts import Accounts
from cadenza.addresses import email_address, linkedin_profile, phone_number
from cadenza.calendars.zones import POSSIBLE, Whereabouts, zones_by_country, zones_of
from cadenza.enrolling.envelope import UnreadableMessage, read_envelope
from cadenza.enrolling.row_values import (
    RowRejected,
    RowValues,
    Value,
    address,
    given,
    is_storable,
    party_fields,
    read_values,
    text,
)
from cadenza.storage.prospects import NewProspect
from cadenza.timespec import zone

_LOCALE = re.compile(r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")
_KNOWN = {"id", "email", "phone", "linkedin", "country", "time_zone", "locale", "owner"}


@dataclass(frozen=True, kw_only=True)
class EnrollmentMessage:
    """A message whose envelope is right; its rows are not looked at yet."""

    key: str
    cadence: str
    rows: Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A good row.

    subject: the id of what it is about, or empty. about: what else is known
    of that, `parties` among it. company: what is known of the company.
    """

    prospect: NewProspect
    subject: str
    about: Mapping[str, Any] = field(default_factory=dict)
    company: Mapping[str, Value] = field(default_factory=dict)


def read_message(raw: bytes) -> EnrollmentMessage:
    """Read an enrollment message. Raises UnreadableMessage that says what to mend."""
    key, document, rows = read_envelope(raw, "prospects")
    cadence = document.get("cadence")
    if not isinstance(cadence, str) or not cadence or not is_storable(cadence):
        raise UnreadableMessage("`cadence` must name an applied cadence", key)
    return EnrollmentMessage(key=key, cadence=cadence, rows=rows)


def check_row(row: Any, accounts: Accounts) -> Row:
    """Check and normalise one row. Raises RowRejected that names the member."""
    if not isinstance(row, dict):
        raise RowRejected(None, "a row must be a JSON object")
    values = read_values(row)
    own = values.own
    country = _country(own.get("country"))
    email = address("email", text(own, "email"), email_address)
    phone = address("phone", text(own, "phone"), lambda told: phone_number(told, country))
    profile = address("linkedin", text(own, "linkedin"), linkedin_profile)
    company_name = _company_name(values)
    company = company_name.lower() if company_name else None
    key = _key(text(own, "id"), email, phone, profile)
    fields = {name: value for name, value in given(own).items() if name not in _KNOWN}
    if company_name:
        fields["company"] = company_name
    zones = _zones(values, phone, country, accounts)
    if len(zones) > 1:
        fields[POSSIBLE] = " ".join(zones[1:])
    return Row(
        subject=text(values.subject, "id", "subject") or "",
        about=_about(values, country),
        company=given(values.company) if len(values.company) > 1 else {},
        prospect=NewProspect(
            key=key,
            email=email,
            phone=phone,
            profile=profile,
            company=company,
            owner_id=_owner(text(own, "owner"), company or key, accounts),
            time_zone=zones[0],
            country=country,
            locale=_locale(text(own, "locale")),
            fields=fields,
        ),
    )


def _company_name(values: RowValues) -> str | None:
    name = text(values.company, "name", "company")
    if name is None and given(values.company):
        raise RowRejected("company", "has fields and no name: say which company it is")
    return name


def _about(values: RowValues, country: str | None) -> Mapping[str, Any]:
    """What is known of the subject beside its id."""
    about: dict[str, Any] = {n: v for n, v in given(values.subject).items() if n != "id"}
    parties = party_fields(values.parties, country)
    return {**about, "parties": parties} if parties else about


def _key(external: str | None, email: str | None, phone: str | None, profile: str | None) -> str:
    for kind, value in (("id", external), ("email", email), ("phone", phone), ("social", profile)):
        if value is not None:
            return f"{kind}:{value}"
    raise RowRejected(None, "needs at least one of id, email, phone, linkedin")


def _country(value: Any) -> str | None:
    if value in (None, ""):
        return None
    code = str(value).upper()
    if code not in zones_by_country():
        raise RowRejected("country", "is not an ISO 3166-1 code: write for instance FR")
    return code


def _locale(value: str | None) -> str | None:
    if value is not None and not _LOCALE.match(value):
        raise RowRejected("locale", "is not a language tag: write for instance fr or en-GB")
    return value


def _owner(value: str | None, shared: str, accounts: Accounts) -> str:
    """The named owner, else one by hash: colleagues get the same."""
    if value is not None:
        if value not in accounts.owner_by_id:
            raise RowRejected("owner", "is not an owner in the accounts file")
        return value
    owners = sorted(accounts.owner_by_id)
    digest = hashlib.blake2s(shared.encode(), digest_size=4).digest()
    return owners[int.from_bytes(digest, "big") % len(owners)]


def _zones(
    values: RowValues, phone: str | None, country: str | None, accounts: Accounts
) -> Sequence[str]:
    """The prospect's zone, and others that are possible where the organisation takes that."""
    company_country = text(values.company, "country")
    known = Whereabouts(
        time_zone=_zone(text(values.own, "time_zone"), "time_zone"),
        phone=phone,
        country=country,
        company_time_zone=_zone(text(values.company, "time_zone"), "company.time_zone"),
        company_country=company_country.upper() if company_country else None,
    )
    zones = zones_of(known)
    if not zones:
        raise RowRejected(
            "time_zone",
            "cannot be told from phone, company or country: give time_zone, e.g. America/Chicago",
        )
    if len(zones) > 1 and accounts.organisation.zone_if_unknown == "reject":
        raise RowRejected(
            "time_zone",
            f"can be any of {len(zones)} by phone, company and country: "
            "give time_zone, e.g. America/Chicago",
        )
    return zones


def _zone(value: str | None, field: str) -> str | None:
    try:
        return zone(value) if value is not None else None
    except ValueError as error:
        raise RowRejected(field, "is not an IANA zone: write for instance Europe/Paris") from error
