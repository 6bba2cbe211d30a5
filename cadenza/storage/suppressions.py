"""Who must not be touched. A key names an address, a domain or a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.model import Channel, EnrollmentId, Profile
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


@dataclass(frozen=True, kw_only=True)
class Ban:
    """A key to be suppressed: why, and on whose word."""

    key: str
    reason: str
    source: str


async def add(tx: Connection, bans: Sequence[Ban], now: datetime) -> int:
    """Suppress what `bans` name; returns how many keys were new.

    The caller stops the enrollments concerned in the same transaction.
    """
    tag = await tx.execute(
        """insert into suppression (key, reason, source, created_at)
        select k, r, s, $4 from unnest($1::text[], $2::text[], $3::text[]) as t (k, r, s)
        order by k on conflict (key) do nothing""",
        [ban.key for ban in bans],
        [ban.reason for ban in bans],
        [ban.source for ban in bans],
        now,
    )
    return int(tag.rpartition(" ")[2])


# Which column of a prospect the value of a key of each kind is compared with.
_COLUMNS = {
    "prospect": "p.key",
    "email": "p.email",
    "domain": "split_part(p.email, '@', 2)",
    "phone": "p.phone",
    "social": "p.profile",
}


async def concerned(db: Connection, keys: Sequence[str]) -> Mapping[str, Sequence[EnrollmentId]]:
    """Key → running enrollments of everybody whom it names; keys that name nobody are missing."""
    by_kind: dict[str, list[str]] = {}
    for key in keys:
        kind, _, value = key.partition(":")
        by_kind.setdefault(kind, []).append(value)
    found: dict[str, list[EnrollmentId]] = {}
    # A statement for each kind: in one with `or`, no index serves.
    for kind, values in by_kind.items():
        column = _COLUMNS[kind]
        rows = await db.fetch(
            f"""select {column} as value, e.id from prospect p
            join enrollment e on e.prospect_id = p.id
            where {column} = any($1::text[]) and e.status <> 'finished' order by e.id""",
            values,
        )
        for row in rows:
            found.setdefault(f"{kind}:{row['value']}", []).append(row["id"])
    return found


async def among(db: Connection, keys: Sequence[str]) -> set[str]:
    """Which of `keys` are suppressed."""
    rows = await db.fetch("select key from suppression where key = any($1::text[])", keys)
    return {row["key"] for row in rows}
