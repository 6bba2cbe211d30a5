"""The do-not-contact list as people look at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One key on the list: why, on whose word, since when."""

    key: str
    reason: str
    source: str
    created_at: datetime


async def listed(
    db: Connection, *, containing: str = "", after: str = "", most: int = 1000
) -> Sequence[Entry]:
    """Entries in order of their keys, from `after` on. containing: a part of the key."""
    rows = await db.fetch(
        """select key, reason, source, created_at from suppression
        where key > $1 and ($2 = '' or strpos(key, $2) > 0) order by key limit $3""",
        after,
        containing,
        most,
    )
    return [Entry(**row) for row in rows]


async def entries(db: Connection, keys: Sequence[str]) -> Sequence[Entry]:
    """Those of `keys` that are on the list."""
    rows = await db.fetch(
        """select key, reason, source, created_at from suppression
        where key = any($1::text[]) order by key""",
        keys,
    )
    return [Entry(**row) for row in rows]
