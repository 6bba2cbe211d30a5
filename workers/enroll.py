"""Enrolls the prospects of a message: receipt, verdicts and enrollments in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cadenza.course.course import Course
from cadenza.enrolling.admitting import NumberedRow, admit
from cadenza.enrolling.message import check_row, read_message
from cadenza.enrolling.row_values import RowRejected
from cadenza.enrolling.wanted import Begun
from cadenza.storage import receipts
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection, Database
from cadenza.storage.receipts import ENROLLMENT, Receipt, RowVerdict
from cadenza.suppression.meanwhile import end_forbidden
from workers.message_taker import MessageTaker, numbered, rejected

_RECENT = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class _Message:
    """version: with which its people begin."""

    key: str
    rows: Sequence[Any]
    version: StoredVersion

    @property
    def cadence(self) -> str:
        return self.version.name


class Enroller(MessageTaker[_Message]):
    """Turns enrollment messages into enrollments, each message once."""

    kind = ENROLLMENT
    rows = "prospects"

    def __init__(self, *, database: Database, course: Course) -> None:
        super().__init__(database=database, ground=course.ground)
        self._course = course

    async def enroll(self, raw: bytes) -> Receipt:
        """Process one message, as `take` does; who was forbidden meanwhile has ended then.

        A message that comes again because a worker died after its receipt
        is looked at again, as long as it is recent.
        """
        receipt = await self.take(raw)
        since = self._ground.clock.now() - _RECENT
        async with self._database.connection() as db:
            begun = await receipts.enrolled(db, receipt.message_key, since=since)
        await end_forbidden(self._database, self._course, begun)
        return receipt

    async def _read(self, tx: Connection, raw: bytes) -> _Message:
        message = read_message(raw)
        version = await self._ground.catalog.newest(tx, message.cadence)
        return _Message(key=message.key, rows=message.rows, version=version)

    async def _take_rows(self, tx: Connection, message: _Message) -> Sequence[RowVerdict]:
        verdicts: list[RowVerdict] = []
        good: list[NumberedRow] = []
        async for number, row in numbered(message.rows):
            try:
                checked = check_row(row, self._ground.accounts)
            except RowRejected as error:
                verdicts.append(rejected(number, error))
                continue
            good.append(NumberedRow(number=number, row=checked))
        begun = await admit(tx, self._ground, message.version, good, self._ground.clock.now())
        return [*verdicts, *(_verdict(b) for b in begun)]


def _verdict(begun: Begun) -> RowVerdict:
    return RowVerdict(
        row_number=begun.number,
        verdict=begun.verdict,
        reason=begun.reason,
        enrollment_id=begun.enrollment_id,
        starts_at=begun.starts_at,
    )
