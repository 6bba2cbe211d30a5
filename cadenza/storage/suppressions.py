"""Who must not be touched. A key names an address, a domain or a person."""

from collections.abc import Sequence
from datetime import datetime

from cadenza.model import Channel, Profile
from cadenza.storage.database import Connection


def keys_for(channel: Channel, profile: Profile) -> Sequence[str]:
    """Every key that would forbid a touch of `profile` on `channel`."""
    keys = [f"prospect:{profile.key}"]
    if channel is Channel.EMAIL and profile.email:
        keys += [f"email:{profile.email}", f"domain:{profile.email.rpartition('@')[2]}"]
    elif channel is Channel.SMS and profile.phone:
        keys.append(f"phone:{profile.phone}")
    elif channel is Channel.SOCIAL and profile.profile:
        keys.append(f"social:{profile.profile}")
    return keys


async def add(
    tx: Connection, keys: Sequence[str], *, reason: str, source: str, now: datetime
) -> int:
    """Suppress `keys`; returns how many were new.

    The caller stops the enrollments concerned in the same transaction.
    """
    tag = await tx.execute(
        """insert into suppression (key, reason, source, created_at)
        select k, $2, $3, $4 from unnest($1::text[]) as k order by k
        on conflict (key) do nothing""",
        keys,
        reason,
        source,
        now,
    )
    return int(tag.rpartition(" ")[2])


async def among(db: Connection, keys: Sequence[str]) -> set[str]:
    """Which of `keys` are suppressed."""
    rows = await db.fetch("select key from suppression where key = any($1::text[])", keys)
    return {row["key"] for row in rows}
