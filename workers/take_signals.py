"""Takes messages with signals: each signal is stored once, with a verdict in the receipt."""

import asyncio
from collections.abc import Sequence

import structlog

from cadenza.accounts import Accounts
from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.enrolling.message import MOST_BYTES, UnreadableMessage, fallback_key
from cadenza.enrolling.row_values import RowRejected
from cadenza.errors import UnknownName, traced
from cadenza.model import Event
from cadenza.signals.message import SignalMessage, check_signal, read_signals
from cadenza.storage import events, receipts, rollups
from cadenza.storage.database import Connection, Database, is_passing
from cadenza.storage.receipts import SIGNAL, Receipt, RowVerdict
from cadenza.storage.rollups import Tally

log = structlog.get_logger(__name__)

_SIGNALS_A_TURN = 50


class SignalTaker:
    """Turns messages with signals into stored events, each message once; workers apply them."""

    def __init__(
        self, *, database: Database, catalog: Catalog, accounts: Accounts, clock: Clock
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._accounts = accounts
        self._clock = clock

    async def take(self, raw: bytes) -> Receipt:
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
            log.error("signals_failed", error=traced(error))
            async with self._database.transaction() as tx:
                key = await self._refuse(tx, raw, _key_of(raw), "an error of ours; see the logs")
        async with self._database.connection() as db:
            receipt = await receipts.find(db, key, SIGNAL)
        if receipt is None:
            raise UnknownName(f"the receipt of message {key!r} is gone")
        return receipt

    async def _refuse(self, tx: Connection, raw: bytes, key: str | None, reason: str) -> str:
        key = key or fallback_key(raw)
        kept = raw[:MOST_BYTES]
        await receipts.unreadable(tx, key, reason, kept, self._clock.now(), kind=SIGNAL)
        return key

    async def _process(self, tx: Connection, raw: bytes) -> str:
        try:
            message = read_signals(raw)
        except UnreadableMessage as error:
            return await self._refuse(tx, raw, error.key, str(error))
        now = self._clock.now()
        receipt_id = await receipts.open_receipt(tx, message.key, None, now, SIGNAL)
        if receipt_id is None:
            return message.key
        taken, verdicts = await self._check(tx, message)
        await events.record(tx, taken, now)
        await receipts.close_receipt(tx, receipt_id, verdicts)
        tally = Tally()
        for verdict in verdicts:
            tally["", "", "", f"signal:{verdict.verdict}"] += 1
        await rollups.add(tx, tally)
        return message.key

    async def _check(
        self, tx: Connection, message: SignalMessage
    ) -> tuple[Sequence[Event], Sequence[RowVerdict]]:
        cadences = await self._catalog.newest_of_all(tx)
        declared = {name for cadence in cadences for name in cadence.signals}
        now = self._clock.now()
        good: list[Event] = []
        verdicts: list[RowVerdict] = []
        for number, row in enumerate(message.rows):
            if number % _SIGNALS_A_TURN == 0:
                await asyncio.sleep(0)  # addresses take their time; others share this loop
            try:
                signal, matter = check_signal(row, self._accounts, declared, now)
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
            good.append(signal.as_event(f"{message.key}:{number}", matter))
            verdicts.append(RowVerdict(row_number=number, verdict="recorded"))
        return good, verdicts


def _key_of(raw: bytes) -> str | None:
    try:
        return read_signals(raw).key
    except UnreadableMessage as error:
        return error.key
