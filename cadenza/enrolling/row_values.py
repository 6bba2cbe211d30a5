"""What the members of a row may hold: bounded, storable, and wrong ones named. Pure.

Beside simple members a row may have two objects, `company` and `subject`,
or their members one by one, as a CSV file has them in columns:
`company.size`, `subject.id`, `subject.invoice_date`, `party.vendor.email`.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cadenza.addresses import email_address, phone_number
from cadenza.errors import CadenzaError

Value = str | int | float | bool | None

MOST_FIELDS = 100
"""Members of a row with those of its objects, and of all fields of a signal."""

_MOST_PARTIES = 10
_MOST_CHARACTERS = 4_000
_LONGEST_NAME = 100
# What is indexed has to fit into a third of a page, whatever the alphabet.
_MOST_IN_NAMES = 500
# PostgreSQL takes neither NUL nor lone surrogates, both of which JSON can write.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_PARTY = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_PARTIES = "parties"


class RowRejected(CadenzaError):
    """One row cannot be taken. `field` names the member that is wrong; no personal data."""

    def __init__(self, field: str | None, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass
class RowValues:
    """A row's members, apart: its own, those of company and subject, and of other parties."""

    own: dict[str, Value] = field(default_factory=dict)
    company: dict[str, Value] = field(default_factory=dict)
    subject: dict[str, Value] = field(default_factory=dict)
    parties: dict[str, dict[str, Value]] = field(default_factory=dict)


def read_values(row: Mapping[str, Any]) -> RowValues:
    """Take a row apart. Raises RowRejected that names the member."""
    values = RowValues()
    count = 0
    for name, value in row.items():
        _check_name(name)
        if name in ("company", "subject") and isinstance(value, dict):
            count += _read_object(values, name, value)
            continue
        count += 1
        where, key = _place(values, name)
        where[key] = simple(name, value)
    if count > MOST_FIELDS:
        raise RowRejected(None, f"a row has at most {MOST_FIELDS} members")
    return values


def _read_object(values: RowValues, name: str, members: Mapping[str, Any]) -> int:
    """The members of `company` or `subject`; returns how many there were."""
    into = values.company if name == "company" else values.subject
    count = 0
    for key, value in members.items():
        _check_name(key)
        if name == "subject" and key == _PARTIES:
            count += _read_parties(values, value)
            continue
        count += 1
        into[key] = simple(f"{name}.{key}", value)
    return count


def _read_parties(values: RowValues, parties: Any) -> int:
    if not isinstance(parties, dict):
        raise RowRejected("subject.parties", 'must be an object: write {"vendor": {"email": "…"}}')
    count = 0
    for party, members in parties.items():
        if not isinstance(members, dict):
            raise RowRejected(
                f"party.{party}"[:80], "must be an object with name, email, phone, locale …"
            )
        into = _party(values, party)
        for key, value in members.items():
            _check_name(key)
            into[key] = simple(f"party.{party}.{key}", value)
            count += 1
    return count


def _place(values: RowValues, name: str) -> tuple[dict[str, Value], str]:
    """Where a simple member belongs, and under what name."""
    head, dot, rest = name.partition(".")
    if not dot:
        rest = {"company": "name", "subject": "id"}.get(head, "")
    objects = {"company": values.company, "subject": values.subject}
    if head in objects and rest:
        if name == f"subject.{_PARTIES}":
            raise RowRejected(name, "names no party: write for instance party.vendor.email")
        return objects[head], rest
    if head == "party" and dot:
        party, _, key = rest.partition(".")
        if not key:
            raise RowRejected(name[:80], "names no member: write for instance party.vendor.email")
        return _party(values, party), key
    return values.own, name


def _party(values: RowValues, party: str) -> dict[str, Value]:
    if not _PARTY.fullmatch(party):
        raise RowRejected(
            f"party.{party}"[:80], "is no name of a party: write small letters, such as vendor"
        )
    if party not in values.parties and len(values.parties) == _MOST_PARTIES:
        raise RowRejected("subject.parties", f"must be at most {_MOST_PARTIES}")
    return values.parties.setdefault(party, {})


def simple(name: str, value: Any) -> Value:
    """A text (stripped), number, boolean or None that can be stored. Raises RowRejected."""
    if isinstance(value, float) and not math.isfinite(value):
        raise RowRejected(name[:80], "must be a finite number")
    if value is None or isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        raise RowRejected(name[:80], "must be a text, number, boolean or null")
    if len(value) > _MOST_CHARACTERS or not is_storable(value):
        raise RowRejected(
            name[:80], f"must have at most {_MOST_CHARACTERS} characters, none NUL or half a pair"
        )
    return value.strip()


def text(values: Mapping[str, Any], name: str, called: str | None = None) -> str | None:
    """A member as a short text; None if it is absent or empty. Raises RowRejected."""
    value = values.get(name)
    if value is None or value == "":
        return None
    told = str(value)
    if len(told) > _MOST_IN_NAMES:
        raise RowRejected(called or name, f"must have at most {_MOST_IN_NAMES} characters")
    return told


def address(member: str, value: str | None, normalise: Callable[[str], str]) -> str | None:
    """An address in the spelling in which it is stored. Raises RowRejected."""
    if value is None:
        return None
    try:
        return normalise(value)
    except ValueError as error:
        raise RowRejected(member, str(error)) from error


def party_fields(
    parties: Mapping[str, Mapping[str, Value]], country: str | None
) -> Mapping[str, Mapping[str, str]]:
    """Parties with their addresses as they are stored. Raises RowRejected."""
    return {
        party: {name: told for name in members if (told := _told(party, members, name, country))}
        for party, members in parties.items()
    }


def _told(party: str, members: Mapping[str, Value], name: str, country: str | None) -> str | None:
    called = f"party.{party}.{name}"
    value = text(members, name, called[:80])
    if name == "email":
        return address(called, value, email_address)
    if name == "phone":
        home = str(members.get("country") or country or "") or None
        return address(called, value, lambda number: phone_number(number, home))
    return value


def given(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Without what is empty."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def is_storable(told: str) -> bool:
    """Whether PostgreSQL takes this text."""
    return _UNSTORABLE.search(told) is None


def _check_name(name: str) -> None:
    if not is_storable(name):
        raise RowRejected(None, "the name of a member has characters that cannot be stored")
    if len(name) > _LONGEST_NAME:
        raise RowRejected(
            name[:80], f"is too long a name: a member has one of at most {_LONGEST_NAME} characters"
        )
