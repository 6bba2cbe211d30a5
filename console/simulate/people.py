"""Who is enrolled when: rows checked as a worker checks them, message by message. Pure.

The messages are those of the demo's producer; within each, people are
recognised and merged, and the cadence's policy decides, as
`workers.enroll` does it with what is stored.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cadenza.accounts import Accounts
from cadenza.enrolling.identities import Known, People
from cadenza.enrolling.message import Row, check_row
from cadenza.enrolling.row_values import RowRejected
from cadenza.language.cadence import Cadence
from cadenza.model import Profile, ProspectId
from cadenza.storage.prospects import NewProspect
from console.demo.producer import messages_of
from console.simulate.options import SimulateOptions


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """A row whose enrollment begins. number: its row in the file, from 1."""

    number: int
    profile: Profile
    company: str | None
    subject: str


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A row that does not begin, and why."""

    number: int
    verdict: str
    reason: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A row of the file, checked; number: its row in the file, from 1."""

    number: int
    row: Row | Refused


@dataclass
class _Stored:
    prospect: NewProspect
    prospect_id: ProspectId


@dataclass
class Registry:
    """Everybody who is known, as the tables would have them."""

    accounts: Accounts
    cadence: Cadence
    refused: list[Refused] = field(default_factory=list)
    companies: dict[str, dict[str, Any]] = field(default_factory=dict)
    subjects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    profiles: dict[tuple[str, str], Profile] = field(default_factory=dict)
    _stored: dict[str, _Stored] = field(default_factory=dict)
    _people: People | None = None

    def take(self, rows: Sequence[CheckedRow]) -> Sequence[Newcomer]:
        """The rows of one message; the good ones, in order, with what is known of each now."""
        good: list[tuple[int, Row]] = []
        seen: set[tuple[str, str]] = set()
        for checked in rows:
            number = checked.number
            if isinstance(checked.row, Refused):
                self.refused.append(checked.row)
                continue
            row = self._recognised(checked.row)
            identity = (row.prospect.key, row.subject)
            if identity in seen:
                told = "the same prospect stands further up in this message"
                self.refused.append(Refused(number=number, verdict="duplicate", reason=told))
                continue
            seen.add(identity)
            good.append((number, row))
        for _, row in good:
            self._store(row)
        return [
            Newcomer(
                number=number,
                profile=self.profile(row.prospect.key, row.subject),
                company=self._stored[row.prospect.key].prospect.company,
                subject=row.subject,
            )
            for number, row in good
        ]

    def refuse(self, newcomer: Newcomer, verdict: str, reason: str) -> None:
        """Note that an enrollment does not begin after all."""
        self.refused.append(Refused(number=newcomer.number, verdict=verdict, reason=reason))

    def profile(self, key: str, subject: str) -> Profile:
        """What is known of a prospect and a subject now."""
        stored = self._stored[key]
        who, about = stored.prospect, self.subjects.get((key, subject), {})
        fields = dict(who.fields)
        company: dict[str, Any] = {}
        if who.company is not None:
            fields.setdefault("company", who.company)
            company = {"name": fields["company"], **self.companies.get(who.company, {})}
        return Profile(
            prospect_id=stored.prospect_id,
            key=who.key,
            email=who.email,
            phone=who.phone,
            profile=who.profile,
            time_zone=who.time_zone,
            country=who.country,
            locale=who.locale,
            owner_id=who.owner_id,
            fields=fields,
            company=company,
            subject={**{n: v for n, v in about.items() if n != "parties"}, "id": subject}
            if subject
            else {},
            parties=about.get("parties", {}),
        )

    def counts(self) -> Mapping[str, int]:
        """How many rows were refused, by verdict."""
        return Counter(refused.verdict for refused in self.refused)

    def _recognised(self, row: Row) -> Row:
        """The row under the key of the person whom it is about."""
        if self._people is None:
            self._people = People(self.cadence.enroll.identity, [])
        known: Known = self._people.recognise(row.prospect)
        if known.key == row.prospect.key:
            return row
        return replace(row, prospect=replace(row.prospect, key=known.key))

    def _store(self, row: Row) -> None:
        new = row.prospect
        stored = self._stored.get(new.key)
        if stored is None:
            self._stored[new.key] = _Stored(new, ProspectId(len(self._stored) + 1))
        else:
            old = stored.prospect
            # An owner stays who they were, as in storage.
            stored.prospect = replace(
                new,
                email=new.email or old.email,
                phone=new.phone or old.phone,
                profile=new.profile or old.profile,
                company=new.company or old.company,
                country=new.country or old.country,
                locale=new.locale or old.locale,
                owner_id=old.owner_id,
                fields={**old.fields, **new.fields},
            )
        company = self._stored[new.key].prospect.company
        if company is not None and row.company:
            self.companies.setdefault(company, {}).update(row.company)
        if row.subject:
            self.subjects.setdefault((new.key, row.subject), {}).update(row.about)


def check(rows: Iterable[tuple[int, Mapping[str, Any]]], accounts: Accounts) -> list[CheckedRow]:
    """Every row as it is, or why it is none."""
    return [CheckedRow(number, _checked(number, raw, accounts)) for number, raw in rows]


def _checked(number: int, raw: Mapping[str, Any], accounts: Accounts) -> Row | Refused:
    try:
        return check_row(raw, accounts)
    except RowRejected as error:
        return Refused(number=number, verdict="rejected", reason=error.reason, field=error.field)


def identities_of(checked: CheckedRow) -> Sequence[tuple[str, str]]:
    """By what a row is tied to others: as the same person, or as a colleague of theirs."""
    if isinstance(checked.row, Refused):
        return ()
    who = checked.row.prospect
    told = (
        ("key", who.key),
        ("email", who.email),
        ("phone", who.phone),
        ("social", who.profile),
        ("company", who.company),
    )
    return [(kind, value) for kind, value in told if value is not None]


def messages(
    options: SimulateOptions, checked: Sequence[CheckedRow]
) -> list[tuple[datetime, Sequence[CheckedRow]]]:
    """When each message comes, and its rows, in order."""
    return messages_of(checked, options.rows_per_day, options.begins_at)
