"""Who is who: whether the person of a row is known already, by what a cadence goes by. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from cadenza.model import ProspectId
from cadenza.storage.prospects import NewProspect

ALL = ("id", "email", "phone")
"""What people can be recognised by; a cadence lists those that it goes by, the surest first."""


@dataclass
class Known:
    """A person, stored or further up in the same message. ids: the producer's, with aliases."""

    key: str
    email: str | None
    phone: str | None
    ids: set[str] = field(default_factory=set)
    prospect_id: ProspectId | None = None

    def values(self, kind: str) -> Sequence[str]:
        """By what it can be recognised."""
        if kind == "id":
            return sorted(self.ids)
        value = self.email if kind == "email" else self.phone
        return () if value is None else (value,)

    def learn(self, row: NewProspect) -> None:
        """Take over what a row says."""
        self.email = row.email or self.email
        self.phone = row.phone or self.phone
        if (own := own_id(row)) is not None:
            self.ids.add(own)


class People:
    """Recognises people by `order`: the first identity that leads to somebody wins, the oldest.

    Who is found by one is somebody else after all if an earlier one, known
    of both, differs: colleagues share the number of a switchboard, and two
    customers an address. A prospect's key always means that prospect.
    """

    def __init__(self, order: Sequence[str], known: Iterable[Known]) -> None:
        self._order = order
        self._by_key: dict[str, Known] = {}
        self._nth: dict[str, int] = {}
        # Under an identity, by which of the earlier ones are known: for a row that has one of
        # these too it is somebody else, or would have been found by that one.
        self._found: dict[tuple[str, str, int], Known] = {}
        for person in known:
            self._add(person)

    def recognise(self, row: NewProspect) -> Known:
        """The person of `row`, who is a new one if nobody fits; what it says is taken over."""
        person = self._match(row) or self._by_key.get(row.key)
        if person is None:
            person = Known(key=row.key, email=None, phone=None)
        person.learn(row)
        self._add(person)
        return person

    def _match(self, row: NewProspect) -> Known | None:
        own = 0
        for n, kind in enumerate(self._order):
            value = identity(row, kind)
            if value is None:
                continue
            # Nobody who has an earlier identity that the row has too: that one differs.
            found = [
                person
                for mask in range(1 << n)
                if not mask & own
                and (person := self._found.get((kind, value, mask))) is not None
                and self._is_found(person, n, value, mask)
            ]
            if found:
                return min(found, key=lambda person: self._nth[person.key])
            own |= 1 << n
        return None

    def _add(self, person: Known) -> None:
        self._by_key.setdefault(person.key, person)
        self._nth.setdefault(person.key, len(self._nth))
        for n, kind in enumerate(self._order):
            for value in person.values(kind):
                mask = self._mask(person, n)
                holder = self._found.get((kind, value, mask))
                # Who has changed since must not stand in the way of who has it now.
                if holder is None or not self._is_found(holder, n, value, mask):
                    self._found[kind, value, mask] = person

    def _is_found(self, person: Known, n: int, value: str, mask: int) -> bool:
        """Whether the person still is who can be recognised by this."""
        return self._mask(person, n) == mask and value in person.values(self._order[n])

    def _mask(self, person: Known, n: int) -> int:
        """Which of the first `n` identities are known of them."""
        return sum(1 << i for i, kind in enumerate(self._order[:n]) if person.values(kind))


def own_id(row: NewProspect) -> str | None:
    """The producer's id of a row, if it has one."""
    kind, _, value = row.key.partition(":")
    return value if kind == "id" else None


def identity(row: NewProspect, kind: str) -> str | None:
    """What a row says under `kind`: id, email or phone."""
    if kind == "id":
        return own_id(row)
    return row.email if kind == "email" else row.phone


def merged(rows: Iterable[NewProspect]) -> Sequence[NewProspect]:
    """Several rows about one key as one; later ones win where they say something."""
    by_key: dict[str, NewProspect] = {}
    for row in rows:
        first = by_key.get(row.key)
        by_key[row.key] = row if first is None else _both(first, row)
    return list(by_key.values())


def _both(first: NewProspect, later: NewProspect) -> NewProspect:
    return replace(
        later,
        email=later.email or first.email,
        phone=later.phone or first.phone,
        profile=later.profile or first.profile,
        company=later.company or first.company,
        country=later.country or first.country,
        locale=later.locale or first.locale,
        fields={**first.fields, **later.fields},
    )
