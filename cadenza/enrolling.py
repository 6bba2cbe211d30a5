"""Enrollment messages: the document, and what a good row is. Pure.

A message is a JSON object, at most 8 MiB:

    {"key": "import-17-part-3", "cadence": "ten-touch",
     "prospects": [{"email": "ada@example.com", "first_name": "Ada", …}, …]}

`key` names the message for ever: it may be sent again, and is applied
once. A row's known members are those of `RowFields`; every other member
with a simple value becomes a field for templates and branches.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import phonenumbers
from phonenumbers.timezone import time_zones_for_number

from cadenza.accounts import Accounts
from cadenza.addresses import email_address, linkedin_profile, phone_number
from cadenza.errors import CadenzaError
from cadenza.storage.prospects import NewProspect
from cadenza.timespec import zone

MOST_ROWS = 5_000
MOST_BYTES = 8 * 1024 * 1024
_MOST_FIELDS = 100
_MOST_CHARACTERS = 4_000
# What is indexed has to fit into a third of a page, whatever the alphabet.
_MOST_IN_NAMES = 500
# PostgreSQL takes neither NUL nor lone surrogates, both of which JSON can write.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_LOCALE = re.compile(r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")
_KNOWN = {"id", "email", "phone", "linkedin", "company", "country", "time_zone", "locale",
          "owner", "subject"}  # fmt: skip


class UnreadableMessage(CadenzaError):
    """The message as a whole makes no sense; it is kept with this reason.

    key: its own, if that can be read.
    """

    def __init__(self, reason: str, key: str | None = None) -> None:
        super().__init__(reason)
        self.key = key


class RowRejected(CadenzaError):
    """One row cannot be enrolled. `field` names the member that is wrong; no personal data."""

    def __init__(self, field: str | None, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class EnrollmentMessage:
    """A message whose envelope is right; its rows are not looked at yet."""

    key: str
    cadence: str
    rows: Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A good row."""

    prospect: NewProspect
    subject: str


def read_message(raw: bytes) -> EnrollmentMessage:
    """Read an enrollment message. Raises UnreadableMessage that says what to mend."""
    if len(raw) > MOST_BYTES:
        raise UnreadableMessage(f"larger than {MOST_BYTES} bytes: split it into several messages")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessage("not a JSON document in UTF-8") from error
    if not isinstance(document, dict):
        raise UnreadableMessage("not a JSON object with key, cadence and prospects")
    key, cadence, rows = (document.get(name) for name in ("key", "cadence", "prospects"))
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise UnreadableMessage("`key` must be 1 to 200 printable ASCII characters without spaces")
    if not isinstance(cadence, str) or not cadence or not _is_storable(cadence):
        raise UnreadableMessage("`cadence` must name an applied cadence", key)
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise UnreadableMessage(f"`prospects` must be a list of 1 to {MOST_ROWS} rows", key)
    return EnrollmentMessage(key=key, cadence=cadence, rows=rows)


def fallback_key(raw: bytes) -> str:
    """What a message is called whose own key cannot be read."""
    return f"unreadable-{hashlib.sha256(raw).hexdigest()[:32]}"


def check_row(row: Any, accounts: Accounts) -> Row:
    """Check and normalise one row. Raises RowRejected that names the member."""
    if not isinstance(row, dict):
        raise RowRejected(None, "a row must be a JSON object")
    if len(row) > _MOST_FIELDS:
        raise RowRejected(None, f"a row has at most {_MOST_FIELDS} members")
    values = {name: _simple(name, value) for name, value in row.items()}
    country = _country(values.get("country"))
    email = _address("email", _text(values, "email"), email_address)
    phone = _address("phone", _text(values, "phone"), lambda text: phone_number(text, country))
    profile = _address("linkedin", _text(values, "linkedin"), linkedin_profile)
    company_name = _text(values, "company")
    company = company_name.lower() if company_name else None
    key = _key(_text(values, "id"), email, phone, profile)
    fields = {n: v for n, v in values.items() if n not in _KNOWN and v is not None and v != ""}
    if company_name:
        fields["company"] = company_name
    return Row(
        subject=_text(values, "subject") or "",
        prospect=NewProspect(
            key=key,
            email=email,
            phone=phone,
            profile=profile,
            company=company,
            owner_id=_owner(_text(values, "owner"), company or key, accounts),
            time_zone=_zone(_text(values, "time_zone"), phone, country),
            country=country,
            locale=_locale(_text(values, "locale")),
            fields=fields,
        ),
    )


def _simple(name: str, value: Any) -> str | int | float | bool | None:
    if not _is_storable(name):
        raise RowRejected(None, "the name of a member has characters that cannot be stored")
    if isinstance(value, float) and not math.isfinite(value):
        raise RowRejected(name[:80], "must be a finite number")
    if value is None or isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        raise RowRejected(name[:80], "must be a text, number, boolean or null")
    if len(value) > _MOST_CHARACTERS or not _is_storable(value):
        raise RowRejected(
            name[:80], f"must have at most {_MOST_CHARACTERS} characters, none NUL or half a pair"
        )
    return value.strip()


def _is_storable(text: str) -> bool:
    return _UNSTORABLE.search(text) is None


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is None or value == "":
        return None
    text = str(value)
    if len(text) > _MOST_IN_NAMES:
        raise RowRejected(name, f"must have at most {_MOST_IN_NAMES} characters")
    return text


def _key(external: str | None, email: str | None, phone: str | None, profile: str | None) -> str:
    for kind, value in (("id", external), ("email", email), ("phone", phone), ("social", profile)):
        if value is not None:
            return f"{kind}:{value}"
    raise RowRejected(None, "needs at least one of id, email, phone, linkedin")


def _address(member: str, value: str | None, normalise: Callable[[str], str]) -> str | None:
    if value is None:
        return None
    try:
        return normalise(value)
    except ValueError as error:
        raise RowRejected(member, str(error)) from error


def _country(value: Any) -> str | None:
    if value in (None, ""):
        return None
    code = str(value).upper()
    if code not in _zones_by_country():
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


def _zone(own: str | None, phone: str | None, country: str | None) -> str:
    """Own zone, else the only one that number and country allow.

    Zones that keep the same time from now on, as Berlin and Büsingen do, count as one.
    """
    if own is not None:
        try:
            return zone(own)
        except ValueError as error:
            raise RowRejected(
                "time_zone", "is not an IANA zone: write for instance Europe/Paris"
            ) from error
    of_country = _zones_by_country().get(country or "", ())
    of_phone = time_zones_for_number(phonenumbers.parse(phone)) if phone else ()
    both = [name for name in of_country if name in of_phone]
    for zones in (both, of_phone, of_country):
        if len({_rule(name) for name in zones}) == 1 and zones[0] != "Etc/Unknown":
            return zone(zones[0])
    raise RowRejected(
        "time_zone", "cannot be told from phone or country: give time_zone, e.g. America/Chicago"
    )


@lru_cache(maxsize=1024)
def _rule(name: str) -> str:
    """What a zone keeps to from now on: the last line of its file (RFC 9636 §3.3)."""
    path = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not path.is_file():
        return name
    return path.read_bytes().rstrip(b"\n").rpartition(b"\n")[2].decode("ascii") or name


@lru_cache(maxsize=1)
def _zones_by_country() -> Mapping[str, Sequence[str]]:
    """ISO country → its zones, from the tz database's own table."""
    zones: dict[str, list[str]] = {}
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            code, _, name = line.split("\t")[:3]
            zones.setdefault(code, []).append(name)
    return zones
