"""What came of a file: the verdicts of its messages, told in rows of the file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cadenza.storage import receipts
from cadenza.storage.database import Connection
from cadenza.storage.receipts import Receipt, RowVerdict
from console.enroll.messages import Part
from console.enroll.table import WrongRow

_PAGE = 5_000


@dataclass(frozen=True, kw_only=True)
class RefusedRow:
    """A row of the file that was not enrolled. verdict: `rejected`, `refused` or `duplicate`."""

    number: int
    verdict: str
    reason: str
    field: str | None = None

    def as_json(self) -> Mapping[str, Any]:
        """The same for programs."""
        return {
            "row": self.number,
            "verdict": self.verdict,
            "reason": self.reason,
            "field": self.field,
        }


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Counts, the rows that were refused, and the messages that were refused as a whole.

    dated: how many of those enrolled begin on a later day.
    """

    enrolled: int
    duplicates: int
    dated: int
    refused: Sequence[RefusedRow]
    unreadable: Sequence[Receipt]

    @property
    def rejected(self) -> int:
        """Rows that were wrong."""
        return sum(row.verdict == "rejected" for row in self.refused)

    @property
    def turned_away(self) -> int:
        """Rows that the cadence's policy refused."""
        return sum(row.verdict == "refused" for row in self.refused)

    @property
    def is_good(self) -> bool:
        """Whether something of it is under way now."""
        return not self.unreadable and (self.enrolled > 0 or self.duplicates > 0)


async def read_outcome(
    db: Connection,
    parts: Sequence[Part],
    found: Mapping[str, Receipt],
    wrong: Sequence[WrongRow],
) -> Outcome:
    """The verdicts of messages whose receipts are `found`, and of the rows that were not sent."""
    refused = [RefusedRow(number=w.number, verdict="rejected", reason=w.reason) for w in wrong]
    counts: Counter[str] = Counter()
    dated = 0
    for part in parts:
        for verdict in await all_verdicts(db, part.message.key):
            counts[verdict.verdict] += 1
            dated += verdict.starts_at is not None
            if verdict.verdict != "enrolled":
                refused.append(_told(part, verdict))
    return Outcome(
        enrolled=counts["enrolled"],
        duplicates=counts["duplicate"],
        dated=dated,
        refused=sorted(refused, key=lambda row: row.number),
        unreadable=[receipt for receipt in found.values() if receipt.status == "unreadable"],
    )


async def all_verdicts(db: Connection, key: str) -> Sequence[RowVerdict]:
    """Every row's verdict of one message."""
    verdicts: list[RowVerdict] = []
    while True:
        after = verdicts[-1].row_number if verdicts else -1
        page = await receipts.verdicts(db, key, after=after, most=_PAGE)
        verdicts += page
        if len(page) < _PAGE:
            return verdicts


def _told(part: Part, verdict: RowVerdict) -> RefusedRow:
    # A message under the same key may have held more rows when it was first sent.
    known = verdict.row_number < len(part.numbers)
    return RefusedRow(
        number=part.numbers[verdict.row_number] if known else 0,
        verdict=verdict.verdict,
        reason=verdict.reason or "",
        field=verdict.field,
    )
