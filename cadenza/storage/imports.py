"""What an import of a file asks about: who is under way already, which of its messages came."""

from collections.abc import Sequence

from cadenza.storage import receipts
from cadenza.storage.database import Connection
from cadenza.storage.receipts import Receipt


async def active_among(
    db: Connection, cadence_id: int, keys: Sequence[str]
) -> set[tuple[str, str]]:
    """(prospect key, subject) of those of `keys` whose enrollment in the cadence is not over."""
    rows = await db.fetch(
        """select p.key, e.subject from prospect p join enrollment e on e.prospect_id = p.id
        where p.key = any($2::text[]) and e.cadence_id = $1 and e.status <> 'finished'""",
        cadence_id,
        keys,
    )
    return {(row["key"], row["subject"]) for row in rows}


async def receipts_of(db: Connection, key: str, most: int = 1000) -> Sequence[Receipt]:
    """The receipt of message `key`, and of the parts `KEY-1`, `KEY-2` … of import `key`."""
    rows = await db.fetch(
        """select message_key from receipt where message_key = $1
            or (starts_with(message_key, $1 || '-')
                and substr(message_key, length($1) + 2) ~ '^[0-9]+$')
        order by length(message_key), message_key limit $2""",
        key,
        most,
    )
    found = [await receipts.find(db, row["message_key"]) for row in rows]
    return [receipt for receipt in found if receipt is not None]
