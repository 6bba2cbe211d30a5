"""Who must not be touched. A key names an address, a domain or a person.

There are two kinds. `email:…` forbids everything: it bounced, somebody
complained, or a person put it on the list. `marketing:email:…` forbids
sales cadences alone: an opt-out, which what is said about an order or a
claim survives. Both can be there at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.model import Channel, EnrollmentId, Profile
from cadenza.storage.database import Connection

_BEING_ADDED = 7239486

MARKETING = "marketing:"
"""What the keys begin with that forbid sales cadences alone."""


def keys_for(channel: Channel, profile: Profile, *, service: bool) -> Sequence[str]:
    """Every key that would forbid a touch of `profile` on `channel`.

    service: it is of a service cadence, so that only those count which forbid everything.
    """
    match channel:
        case Channel.EMAIL:
            return keys_of(key=profile.key, email=profile.email, service=service)
        case Channel.SMS:
            return keys_of(key=profile.key, phone=profile.phone, service=service)
        case Channel.SOCIAL:
            return keys_of(key=profile.key, social=profile.profile, service=service)
        case _:
            return keys_of(key=profile.key, service=service)


def keys_of(
    *,
    key: str,
    email: str | None = None,
    phone: str | None = None,
    social: str | None = None,
    service: bool,
) -> Sequence[str]:
    """The keys of a person and of those of their addresses that are given; as `keys_for`."""
    keys = [f"prospect:{key}"]
    if email is not None:
        keys += [f"email:{email}", f"domain:{email.rpartition('@')[2]}"]
    if phone is not None:
        keys.append(f"phone:{phone}")
    if social is not None:
        keys.append(f"social:{social}")
    return forbidding(keys, service=service)


def forbidding(keys: Sequence[str], *, service: bool) -> Sequence[str]:
    """The keys that forbid a sales or a service touch to what `keys` name."""
    return keys if service else [*keys, *(f"{MARKETING}{key}" for key in keys)]


@dataclass(frozen=True, kw_only=True)
class Ban:
    """A key to be suppressed: why, and on whose word."""

    key: str
    reason: str
    source: str


async def announce(tx: Connection) -> None:
    """Say that keys are about to be added. See `settled`.

    It comes before enrollments and all that is locked after these.
    """
    await tx.execute("select pg_advisory_xact_lock_shared($1)", _BEING_ADDED)


async def settled(tx: Connection) -> None:
    """Return when all who announced keys before are done: what they added can be read now.

    Who adds keys ends what runs by then, and does not see what is just being
    begun; who begins does not see what is just being added. So whoever began
    somebody looks again, after this. In a transaction that holds nothing else.
    """
    await tx.execute("select pg_advisory_xact_lock($1)", _BEING_ADDED)


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
    """Key → running enrollments that it forbids; keys that name nobody are missing."""
    by_kind: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        which = MARKETING if key.startswith(MARKETING) else ""
        kind, _, value = key.removeprefix(which).partition(":")
        by_kind.setdefault((which, kind), []).append(value)
    found: dict[str, list[EnrollmentId]] = {}
    # A statement for each kind: in one with `or`, no index serves.
    for (which, kind), values in by_kind.items():
        column = _COLUMNS[kind]
        rows = await db.fetch(
            f"""select {column} as value, e.id from prospect p
            join enrollment e on e.prospect_id = p.id
            join cadence_version v on v.id = e.version_id
            where {column} = any($1::text[]) and e.status <> 'finished'
                and not (v.service and $2) order by e.id""",
            values,
            which == MARKETING,
        )
        for row in rows:
            found.setdefault(f"{which}{kind}:{row['value']}", []).append(row["id"])
    return found


async def named(db: Connection, ids: Sequence[EnrollmentId]) -> Sequence[EnrollmentId]:
    """Those of these running enrollments whose person or mail address is on the list at all.

    Whether that forbids them is for `keys_of` to say.
    """
    rows = await db.fetch(
        """select e.id from enrollment e join prospect p on p.id = e.prospect_id
        where e.id = any($1::bigint[]) and e.status <> 'finished' and exists (
            select 1 from suppression s where s.key = any(array[
                'prospect:' || p.key, $2 || 'prospect:' || p.key,
                'email:' || p.email, $2 || 'email:' || p.email,
                'domain:' || split_part(p.email, '@', 2),
                $2 || 'domain:' || split_part(p.email, '@', 2)]))
        order by e.id""",
        ids,
        MARKETING,
    )
    return [row["id"] for row in rows]


async def among(db: Connection, keys: Sequence[str]) -> set[str]:
    """Which of `keys` are suppressed."""
    rows = await db.fetch("select key from suppression where key = any($1::text[])", keys)
    return {row["key"] for row in rows}
