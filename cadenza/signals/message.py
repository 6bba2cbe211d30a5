"""Signals: what the outside tells about an order, a claim or a person. The document. Pure.

A message is a JSON object, at most 8 MiB:

    {"key": "shop-2026-03-02-17", "signals": [
        {"signal": "item_returned", "subject": "order-17", "at": "2026-03-02T09:00:00Z",
         "fields": {"reason": "too small"}, "prospect": {"email": "ada@example.com", …}}, …]}

`key` names the message for ever, as with enrollments. Cadences declare
which signals they hear and what each does.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cadenza.accounts import Accounts
from cadenza.enrolling.envelope import read_envelope
from cadenza.enrolling.message import Row, check_row
from cadenza.enrolling.row_values import RowRejected, given, party_fields, read_values, text
from cadenza.model import Event, EventType

SOURCE = "signal"
_MEMBERS = frozenset({"signal", "subject", "prospect", "fields", "at"})
_MOST_AHEAD = timedelta(hours=1)
_MOST_NAMED = 10
_NO_MOMENT = "is no moment with an offset: write 2026-03-02T09:00:00+01:00"


@dataclass(frozen=True, kw_only=True)
class SignalMessage:
    """A message whose envelope is right; its signals are not looked at yet. It is of no cadence."""

    key: str
    rows: Sequence[Any]
    cadence: None = None


@dataclass(frozen=True, kw_only=True)
class Signal:
    """A good one.

    subject: what it is about, or empty: then it is about the person of
    `prospect`, a row as enrollment messages have it. fields: of the
    subject, `parties` among them.
    """

    name: str
    subject: str
    at: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)
    prospect: Mapping[str, Any] | None = None

    def as_event(self, external_id: str, matter: str) -> Event:
        """The same as it is stored. matter: what puts several in order, subject or person."""
        return Event(
            source=SOURCE,
            external_id=external_id,
            type=EventType.SIGNAL,
            occurred_at=self.at,
            about=[],
            data={
                "name": self.name,
                "subject": self.subject,
                "matter": matter,
                "fields": self.fields,
                "prospect": self.prospect,
            },
        )

    @classmethod
    def from_event(cls, event: Event) -> "Signal":
        """Read it back."""
        return cls(
            name=event.data["name"],
            subject=event.data["subject"],
            at=event.occurred_at,
            fields=event.data["fields"],
            prospect=event.data["prospect"],
        )

    def person(self, accounts: Accounts) -> Row | None:
        """The row of its prospect, about its subject. Raises RowRejected."""
        return None if self.prospect is None else check_row(self.prospect, accounts)


def read_signals(raw: bytes) -> SignalMessage:
    """Read a message. Raises UnreadableMessage that says what to mend."""
    key, _, rows = read_envelope(raw, "signals")
    return SignalMessage(key=key, rows=rows)


def check_signal(
    row: Any, accounts: Accounts, declared: Collection[str], now: datetime
) -> tuple[Signal, str]:
    """Check one signal; returns it with its matter. Raises RowRejected that names the member.

    declared: the signals that applied cadences know.
    """
    if not isinstance(row, dict):
        raise RowRejected(None, "a signal must be a JSON object")
    for member in row:
        if member not in _MEMBERS:
            raise RowRejected(
                member[:80].encode("ascii", "replace").decode(),
                "is not known here: put what you know of the subject into `fields`",
            )
    name = _name(row.get("signal"), declared)
    prospect = row.get("prospect")
    person = check_row(prospect, accounts) if prospect is not None else None
    if isinstance(row.get("subject"), dict):
        raise RowRejected("subject", "must be a text: put what you know of it into `fields`")
    subject = text(read_values({"subject": row.get("subject")}).subject, "id", "subject")
    subject = subject or (person.subject if person else "")
    if not subject and person is None:
        raise RowRejected("subject", "is missing: say what it is about, or whom with `prospect`")
    signal = Signal(
        name=name,
        subject=subject,
        at=_moment(row.get("at"), now),
        fields=_fields(row.get("fields")),
        prospect=prospect,
    )
    return signal, subject or (person.prospect.key if person else "")


def merge(about: Mapping[str, Any], fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is known of a subject, with what is told now. Parties gain members, one by one."""
    known, told = about.get("parties", {}), fields.get("parties", {})
    parties = {party: {**known.get(party, {}), **told.get(party, {})} for party in {*known, *told}}
    return {**about, **fields, **({"parties": parties} if parties else {})}


def _name(value: Any, declared: Collection[str]) -> str:
    if not isinstance(value, str) or not value:
        raise RowRejected("signal", "is missing: name the signal")
    if value not in declared:
        known = ", ".join(sorted(declared)[:_MOST_NAMED]) or "none"
        raise RowRejected("signal", f"is declared by no applied cadence; declared: {known}")
    return value


def _fields(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RowRejected("fields", "must be an object")
    parties = value.get("parties", {})
    members = {
        name if name.startswith("party.") else f"subject.{name}": of
        for name, of in value.items()
        if name != "parties"
    }
    if "subject.id" in members:
        raise RowRejected("fields.id", "cannot be a field: it is the subject itself")
    read = read_values({**members, "subject": {"parties": parties}})
    told = party_fields(read.parties, None)
    fields = given(read.subject)
    return {**fields, "parties": told} if told else fields


def _moment(value: Any, now: datetime) -> datetime:
    if value is None:
        return now
    try:
        read = datetime.fromisoformat(value)
        moment = read.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise RowRejected("at", _NO_MOMENT) from error
    if read.tzinfo is None:
        raise RowRejected("at", _NO_MOMENT)
    if moment > now + _MOST_AHEAD:
        raise RowRejected("at", "lies in the future")
    return min(moment, now)
