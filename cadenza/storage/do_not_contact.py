"""The do-not-contact list as people look at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One key on the list: why, on whose word, since when. forbids: `everything` or `marketing`."""

    key: str
    forbids: str
    reason: str
    source: str
    created_at: datetime


_COLUMNS = """key, reason, source, created_at,
    case when starts_with(key, 'marketing:') then 'marketing' else 'everything' end as forbids"""


async def listed(
    db: Connection, *, containing: str = "", after: str = "", most: int = 1000
) -> Sequence[Entry]:
    """Entries in order of their keys, from `after` on. containing: a part of the key."""
    rows = await db.fetch(
        f"""select {_COLUMNS} from suppression
        where key > $1 and ($2 = '' or strpos(key, $2) > 0) order by key limit $3""",
        after,
        containing,
        most,
    )
    return [Entry(**row) for row in rows]


async def entries(db: Connection, keys: Sequence[str]) -> Sequence[Entry]:
    """Those of `keys` that are on the list."""
    rows = await db.fetch(
        f"""select {_COLUMNS} from suppression
        where key = any($1::text[]) order by key""",
        keys,
    )
    return [Entry(**row) for row in rows]


async def remove(tx: Connection, keys: Sequence[str]) -> int:
    """Take keys off the list; returns how many of them were on it."""
    tag = await tx.execute(
        """delete from suppression where key in (
            select key from suppression where key = any($1::text[]) order by key for update)""",
        keys,
    )
    return int(tag.rpartition(" ")[2])
