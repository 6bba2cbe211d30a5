"""Who must not be touched. A key names an address, a domain or a person."""

from collections.abc import Sequence
from datetime import datetime

from cadenza.model import Channel, Profile
from cadenza.storage.database import Connection


def keys_for(channel: Channel, profile: Profile) -> Sequence[str]:
    """Every key that would forbid a touch of `profile` on `channel`."""
    match channel:
        case Channel.EMAIL:
            return keys_of(key=profile.key, email=profile.email)
        case Channel.SMS:
            return keys_of(key=profile.key, phone=profile.phone)
        case Channel.SOCIAL:
            return keys_of(key=profile.key, social=profile.profile)
        case _:
            return keys_of(key=profile.key)


def keys_of(
    *, key: str, email: str | None = None, phone: str | None = None, social: str | None = None
) -> Sequence[str]:
    """The keys of a person and of those of their addresses that are given."""
    keys = [f"prospect:{key}"]
    if email is not None:
        keys += [f"email:{email}", f"domain:{email.rpartition('@')[2]}"]
    if phone is not None:
        keys.append(f"phone:{phone}")
    if social is not None:
        keys.append(f"social:{social}")
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
