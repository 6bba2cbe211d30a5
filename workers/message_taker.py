"""Messages with rows, each taken in once: receipt, verdicts and all they bring about together."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import structlog

from cadenza.enrolling.envelope import (
    MOST_BYTES,
    UnreadableMessage,
    fallback_key,
    read_envelope,
)
from cadenza.enrolling.row_values import RowRejected
from cadenza.errors import UnknownName, traced
from cadenza.ground import Ground
from cadenza.storage import receipts, rollups
from cadenza.storage.database import Connection, Database, is_passing
from cadenza.storage.receipts import Kind, Receipt, RowVerdict
from cadenza.storage.rollups import Tally

log = structlog.get_logger(__name__)

_ROWS_A_TURN = 50
# An upgrade replaces files under a worker that runs, or memory is short: another can take it.
_OF_THIS_PROCESS = (ImportError, MemoryError)


class Message(Protocol):
    """One whose envelope is right. key: names it for ever. cadence: where it is about one."""

    @property
    def key(self) -> str: ...

    @property
    def cadence(self) -> str | None: ...


M = TypeVar("M", bound=Message)


class MessageTaker(ABC, Generic[M]):
    """Takes messages of one kind in. kind: of their receipts. rows: the member that holds the rows.

    counted_as: what verdicts are counted as begins with that.
    """

    kind: ClassVar[Kind]
    rows: ClassVar[str]
    counted_as: ClassVar[str] = ""

    def __init__(self, *, database: Database, ground: Ground) -> None:
        self._database = database
        self._ground = ground

    @abstractmethod
    async def _read(self, tx: Connection, raw: bytes) -> M:
        """The message, with what its rows are about. Raises UnreadableMessage, UnknownName."""

    @abstractmethod
    async def _take_rows(self, tx: Connection, message: M) -> Sequence[RowVerdict]:
        """Do what the rows ask for; a verdict for each."""

    async def take(self, raw: bytes) -> Receipt:
        """Process one message; its receipt is committed when this returns.

        The same key again changes nothing and gives the same receipt.
        """
        try:
            async with self._database.transaction() as tx:
                key = await self._process(tx, raw)
        except Exception as error:
            if is_passing(error) or isinstance(error, _OF_THIS_PROCESS):
                raise
            # It would fail whenever it comes, and whatever waits behind it would wait for ever.
            log.error("message_failed", kind=self.kind, error=traced(error))
            async with self._database.transaction() as tx:
                key = await self._refuse(
                    tx, raw, self._key_of(raw), "an error of ours; see the logs"
                )
        async with self._database.connection() as db:
            receipt = await receipts.find(db, key, self.kind)
        if receipt is None:
            raise UnknownName(f"the receipt of message {key!r} is gone")
        return receipt

    async def _process(self, tx: Connection, raw: bytes) -> str:
        try:
            message = await self._read(tx, raw)
        except UnreadableMessage as error:
            return await self._refuse(tx, raw, error.key, str(error))
        except UnknownName as error:
            return await self._refuse(tx, raw, self._key_of(raw), str(error))
        now = self._ground.clock.now()
        receipt_id = await receipts.open_receipt(tx, message.key, message.cadence, now, self.kind)
        if receipt_id is not None:
            verdicts = await self._take_rows(tx, message)
            await receipts.close_receipt(tx, receipt_id, verdicts)
            await rollups.add(tx, self._count(message, verdicts))
        return message.key

    def _count(self, message: M, verdicts: Sequence[RowVerdict]) -> Tally:
        tally = Tally()
        for verdict in verdicts:
            tally[message.cadence or "", "", "", f"{self.counted_as}{verdict.verdict}"] += 1
        return tally

    async def _refuse(self, tx: Connection, raw: bytes, key: str | None, reason: str) -> str:
        key = key or fallback_key(raw)
        kept, now = raw[:MOST_BYTES], self._ground.clock.now()
        await receipts.unreadable(tx, key, reason, kept, now, kind=self.kind)
        return key

    def _key_of(self, raw: bytes) -> str | None:
        try:
            key, _, _ = read_envelope(raw, self.rows)
        except UnreadableMessage as error:
            return error.key
        return key


async def numbered(rows: Sequence[Any]) -> AsyncIterator[tuple[int, Any]]:
    """Rows with their numbers; now and then others have their turn, for addresses take their time.

    Deliveries share this loop.
    """
    for number, row in enumerate(rows):
        if number % _ROWS_A_TURN == 0:
            await asyncio.sleep(0)
        yield number, row


def rejected(number: int, error: RowRejected) -> RowVerdict:
    """The verdict on a row that is wrong."""
    return RowVerdict(row_number=number, verdict="rejected", reason=error.reason, field=error.field)
