"""Takes messages with signals: each signal is stored once, with a verdict in the receipt."""

from collections.abc import Sequence

from cadenza.enrolling.row_values import RowRejected
from cadenza.model import Event
from cadenza.signals.message import SignalMessage, check_signal, read_signals
from cadenza.storage import events
from cadenza.storage.database import Connection
from cadenza.storage.receipts import SIGNAL, RowVerdict
from workers.message_taker import MessageTaker, numbered, rejected


class SignalTaker(MessageTaker[SignalMessage]):
    """Turns messages with signals into stored events, each message once; workers apply them."""

    kind = SIGNAL
    rows = "signals"
    counted_as = "signal:"

    async def _read(self, tx: Connection, raw: bytes) -> SignalMessage:
        del tx
        return read_signals(raw)

    async def _take_rows(self, tx: Connection, message: SignalMessage) -> Sequence[RowVerdict]:
        cadences = await self._ground.catalog.newest_of_all(tx)
        declared = {name for cadence in cadences for name in cadence.signals}
        now = self._ground.clock.now()
        good: list[Event] = []
        verdicts: list[RowVerdict] = []
        async for number, row in numbered(message.rows):
            try:
                signal, matter = check_signal(row, self._ground.accounts, declared, now)
            except RowRejected as error:
                verdicts.append(rejected(number, error))
                continue
            good.append(signal.as_event(f"{message.key}:{number}", matter))
            verdicts.append(RowVerdict(row_number=number, verdict="recorded"))
        await events.record(tx, good, now)
        return verdicts
