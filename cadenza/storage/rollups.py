"""Monotone counters, written in the transaction of what they count."""

import os
import socket
import zlib
from collections import Counter
from functools import lru_cache

from cadenza.storage.database import Connection

# cadence, step, channel, metric; empty strings where a dimension does not apply.
Tally = Counter[tuple[str, str, str, str]]

_SLOTS = 16


async def add(tx: Connection, tally: Tally) -> None:
    """Add the counts. Last in a transaction: its rows are the hottest there are."""
    if not tally:
        return
    ordered = sorted(tally.items())  # one lock order for all writers
    await tx.execute(
        """insert into rollup (cadence, step, channel, metric, slot, value)
        select c, s, ch, m, $6, v
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
            as t (c, s, ch, m, v)
        on conflict (cadence, step, channel, metric, slot)
        do update set value = rollup.value + excluded.value""",
        [key[0] for key, _ in ordered],
        [key[1] for key, _ in ordered],
        [key[2] for key, _ in ordered],
        [key[3] for key, _ in ordered],
        [count for _, count in ordered],
        _slot(),
    )


@lru_cache(maxsize=1)
def _slot() -> int:
    """This process's own, more or less: in containers every process has number 1."""
    return zlib.crc32(f"{socket.gethostname()}:{os.getpid()}".encode()) % _SLOTS
