"""Stores events durably: the `EventRecorder` that sources are given."""

from collections.abc import Sequence

from cadenza.clock import Clock
from cadenza.model import Event, TouchRef
from cadenza.storage import events as event_rows
from cadenza.storage import ledger
from cadenza.storage.database import Connection, Database
from cadenza.suppressing import ASKED_FOR, suppress, suppression_key


class DatabaseRecorder:
    """`cadenza.abc.EventRecorder` over PostgreSQL.

    An opt-out suppresses its address in the transaction that stores it:
    however long it takes until workers apply it, nothing more goes out.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def record(self, events: Sequence[Event]) -> None:
        """See `EventRecorder.record`."""
        async with self._database.transaction() as tx:
            await event_rows.record(tx, events, self._clock.now())
            await self._suppress(tx, [e for e in events if e.type in ASKED_FOR])

    async def _suppress(self, tx: Connection, opt_outs: Sequence[Event]) -> None:
        for event in opt_outs:
            ids = [r.touch_id for r in event.about if isinstance(r, TouchRef)]
            touches = await ledger.by_touch_ids(tx, ids) if ids else {}
            key = suppression_key(event, next(iter(touches.values()), None))
            if key is not None:
                await suppress(tx, [key], reason=event.type, source=event.source, clock=self._clock)
