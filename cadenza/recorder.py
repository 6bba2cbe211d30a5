"""Stores events durably: the `EventRecorder` that sources are given."""

from collections.abc import Sequence

from cadenza.clock import Clock
from cadenza.model import Event, TouchId, TouchRef
from cadenza.storage import events as event_rows
from cadenza.storage import ledger
from cadenza.storage.database import Connection, Database
from cadenza.storage.suppressions import Ban
from cadenza.suppression.suppressing import ASKED_FOR, suppress, suppression_key


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
            opt_outs = [e for e in events if e.type in ASKED_FOR]
            if opt_outs:
                await self._suppress(tx, opt_outs)

    async def _suppress(self, tx: Connection, opt_outs: Sequence[Event]) -> None:
        ids = {i for event in opt_outs for i in _touch_ids(event)}
        touches = dict(await ledger.by_touch_ids(tx, list(ids)))
        if missing := ids - touches.keys():
            touches.update(await ledger.in_flight(tx, list(missing)))
        bans = []
        for event in opt_outs:
            touch = next((touches[i] for i in _touch_ids(event) if i in touches), None)
            key = suppression_key(event, touch)
            if key is not None:
                bans.append(Ban(key=key, reason=event.type, source=event.source))
        await suppress(tx, bans, clock=self._clock)


def _touch_ids(event: Event) -> Sequence[TouchId]:
    return [r.touch_id for r in event.about if isinstance(r, TouchRef)]
