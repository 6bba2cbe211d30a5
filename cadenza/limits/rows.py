"""What the rules for the list `limits:` have in common: one scope each."""

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

from cadenza.abc import Draw, LimitRule
from cadenza.accounts import Accounts, LimitRow
from cadenza.model import Quota
from cadenza.pacing.caps import Cap
from cadenza.pacing.windows import counting


class RowRule(LimitRule):
    """The entries of one scope. An entry with `match` stands in for the one without."""

    scope: ClassVar[str]

    def __init__(self, rows: Sequence[LimitRow], zone: str) -> None:
        self._rows = rows
        self._zone = zone

    @classmethod
    def from_accounts(cls, accounts: Accounts) -> Self:
        rows = [row for row in accounts.limits if row.scope == cls.scope]
        return cls(rows, accounts.organisation.time_zone)

    def is_idle(self) -> bool:
        return not self._rows

    @abstractmethod
    def subject(self, draw: Draw) -> str | None:
        """What of this scope the touch belongs to; None if to nothing."""

    def name_of(self, subject: str) -> str:
        """How keys name a subject."""
        return subject

    def quotas(self, draw: Draw) -> Sequence[Quota]:
        return [
            Quota(
                key=key,
                limit=row.at_most,
                period=row.per.span,
                reason=self.reasons[0],
                cost=draw.segments,
            )
            for key, row in self._applying(draw)
            if row.per.is_rate and row.per.span is not None
        ]

    def caps(self, draw: Draw) -> Sequence[Cap]:
        return [
            Cap(
                key=key,
                at_most=row.at_most,
                window=counting(row.per, row.zone or self._zone),
                reason=self.reasons[0],
            )
            for key, row in self._applying(draw)
            if not row.per.is_rate
        ]

    def _applying(self, draw: Draw) -> Sequence[tuple[str, LimitRow]]:
        subject = self.subject(draw) if self._rows else None
        if subject is None:
            return ()
        found: dict[str, LimitRow] = {}
        for row in self._rows:
            if row.channel not in (None, draw.account.channel):
                continue
            key = ":".join(
                (self.scope, self.name_of(subject), row.channel or "all", str(row.per),
                 row.zone or "")
            )  # fmt: skip
            if row.match is None:
                found.setdefault(key, row)
            elif row.match.lower() == subject.lower():
                found[key] = row
        return list(found.items())


def hashed(subject: str) -> str:
    """A name for keys that does not show what it names."""
    return hashlib.blake2b(subject.lower().encode(), digest_size=10).hexdigest()
