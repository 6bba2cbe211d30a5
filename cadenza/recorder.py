"""Stores events durably: the `EventRecorder` that sources are given."""

from collections.abc import Sequence

from cadenza.clock import Clock
from cadenza.model import Event
from cadenza.storage import events as event_rows
from cadenza.storage.database import Database


class DatabaseRecorder:
    """`cadenza.abc.EventRecorder` over PostgreSQL."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def record(self, events: Sequence[Event]) -> None:
        """See `EventRecorder.record`."""
        async with self._database.transaction() as tx:
            await event_rows.record(tx, events, self._clock.now())
