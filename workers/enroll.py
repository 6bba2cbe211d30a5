"""Enrolls the prospects of a message: receipt, verdicts and enrollments in one transaction."""

import asyncio
from collections.abc import Sequence

import structlog

from cadenza.accounts import Accounts
from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.course.course import Course
from cadenza.enrolling.admitting import NumberedRow, admit
from cadenza.enrolling.message import (
    MOST_BYTES,
    EnrollmentMessage,
    RowRejected,
    UnreadableMessage,
    check_row,
    fallback_key,
    read_message,
)
from cadenza.enrolling.starting import Begun
from cadenza.errors import UnknownName, traced
from cadenza.storage import receipts, rollups
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection, Database, is_passing
from cadenza.storage.receipts import Receipt, RowVerdict
from cadenza.storage.rollups import Tally

log = structlog.get_logger(__name__)


_ROWS_A_TURN = 50


class Enroller:
    """Turns enrollment messages into enrollments, each message once."""

    def __init__(
        self,
        *,
        database: Database,
        course: Course,
        catalog: Catalog,
        accounts: Accounts,
        clock: Clock,
    ) -> None:
        self._database = database
        self._course = course
        self._catalog = catalog
        self._accounts = accounts
        self._clock = clock

    async def enroll(self, raw: bytes) -> Receipt:
        """Process one message; its receipt is committed when this returns.

        The same key again changes nothing and gives the same receipt.
        """
        try:
            async with self._database.transaction() as tx:
                key = await self._process(tx, raw)
        except Exception as error:
            if is_passing(error):
                raise
            # It would fail whenever it comes, and whatever waits behind it would wait for ever.
            log.error("message_failed", error=traced(error))
            async with self._database.transaction() as tx:
                key = await self._refuse(tx, raw, _key_of(raw), "an error of ours; see the logs")
        async with self._database.connection() as db:
            receipt = await receipts.find(db, key)
        if receipt is None:
            raise UnknownName(f"the receipt of message {key!r} is gone")
        return receipt

    async def _refuse(self, tx: Connection, raw: bytes, key: str | None, reason: str) -> str:
        key = key or fallback_key(raw)
        await receipts.unreadable(tx, key, reason, raw[:MOST_BYTES], self._clock.now())
        return key

    async def _process(self, tx: Connection, raw: bytes) -> str:
        try:
            message = read_message(raw)
        except UnreadableMessage as error:
            return await self._refuse(tx, raw, error.key, str(error))
        try:
            version = await self._catalog.newest(tx, message.cadence)
        except UnknownName as error:
            return await self._refuse(tx, raw, message.key, str(error))
        now = self._clock.now()
        receipt_id = await receipts.open_receipt(tx, message.key, message.cadence, now)
        if receipt_id is not None:
            verdicts = await self._enroll_rows(tx, message, version)
            await receipts.close_receipt(tx, receipt_id, verdicts)
            tally = Tally()
            for verdict in verdicts:
                tally[message.cadence, "", "", verdict.verdict] += 1
            await rollups.add(tx, tally)
        return message.key

    async def _enroll_rows(
        self, tx: Connection, message: EnrollmentMessage, version: StoredVersion
    ) -> Sequence[RowVerdict]:
        verdicts: list[RowVerdict] = []
        good = await self._check(message, verdicts)
        begun = await admit(tx, self._course, version, good, self._clock.now())
        return [*verdicts, *(_verdict(b) for b in begun)]

    async def _check(
        self, message: EnrollmentMessage, verdicts: list[RowVerdict]
    ) -> Sequence[NumberedRow]:
        good: list[NumberedRow] = []
        for number, raw_row in enumerate(message.rows):
            if number % _ROWS_A_TURN == 0:
                await asyncio.sleep(0)  # addresses take their time; deliveries share this loop
            try:
                row = check_row(raw_row, self._accounts)
            except RowRejected as error:
                verdicts.append(
                    RowVerdict(
                        row_number=number,
                        verdict="rejected",
                        reason=error.reason,
                        field=error.field,
                    )
                )
                continue
            good.append(NumberedRow(number=number, row=row))
        return good


def _verdict(begun: Begun) -> RowVerdict:
    return RowVerdict(
        row_number=begun.number,
        verdict=begun.verdict,
        reason=begun.reason,
        enrollment_id=begun.enrollment_id,
        starts_at=begun.starts_at,
    )


def _key_of(raw: bytes) -> str | None:
    try:
        return read_message(raw).key
    except UnreadableMessage as error:
        return error.key
