"""Which deployment this database belongs to, and which database this really is.

A dump that is restored lands in a database of another number, mostly on
another server; a copied data folder or a restore to a point in time keeps
the server's identifier, but goes on under another name or timeline.
"""

from dataclasses import dataclass
from datetime import datetime

from cadenza.storage.database import Connection

_PARTS = ("system_identifier", "database_oid", "table_oid", "timeline")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a database can be told by.

    name: the deployment's, empty where it has none. system_identifier: of
    the server, from its initdb on; None where we may not ask for it.
    table_oid: of the table `instance`, which a dump makes anew even where
    it is restored in place. timeline: changes with each restore to a point
    in time, and each failover.
    """

    name: str
    system_identifier: str | None
    database_oid: int
    table_oid: int
    timeline: int


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """To whom the database belongs. claim_id: of this claim."""

    claim_id: str
    claimed_at: datetime
    identity: Identity


async def may_ask_server(db: Connection) -> bool:
    """Whether this user may ask for the server's identifier; never changes in practice."""
    allowed: bool = await db.fetchval(
        "select has_function_privilege('pg_control_system()', 'execute')"
    )
    return allowed


async def look(db: Connection, name: str, *, ask_server: bool) -> tuple[Identity, Claimed | None]:
    """What this database is now, used by a deployment called `name`, and whose it is.

    ask_server: see `may_ask_server`. None: nobody claimed it, see `is_used`.
    """
    server = "(select system_identifier from pg_control_system())" if ask_server else "null"
    row = await db.fetchrow(
        f"""select {server}::text as system_identifier,
            (select oid::bigint from pg_database where datname = current_database())
                as database_oid,
            'instance'::regclass::oid::bigint as table_oid,
            ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int
                as timeline,
            i.name as was_name, i.system_identifier as was_system_identifier,
            i.database_oid as was_database_oid, i.table_oid as was_table_oid,
            i.timeline as was_timeline, i.claim_id::text, i.claimed_at
        from (select 1) as one left join instance i on true"""
    )
    if row is None:
        raise RuntimeError("a select with an outer join has a row")
    now = Identity(name=name, **{part: row[part] for part in _PARTS})
    if row["claim_id"] is None:
        return now, None
    was = Identity(name=row["was_name"], **{part: row[f"was_{part}"] for part in _PARTS})
    return now, Claimed(claim_id=row["claim_id"], claimed_at=row["claimed_at"], identity=was)


async def is_used(db: Connection) -> bool:
    """Whether anybody was ever enrolled in it: one that nobody claimed is then no new one."""
    used: bool = await db.fetchval(
        "select exists (select from enrollment) or exists (select from touch)"
    )
    return used


async def claim(tx: Connection, identity: Identity, now: datetime) -> None:
    """The database belongs to `identity` from now on, whoever had it."""
    await tx.execute("delete from instance")
    await claim_first(tx, identity, now)


async def claim_first(db: Connection, identity: Identity, now: datetime) -> None:
    """The same, unless somebody has it."""
    await db.execute(
        """insert into instance
            (name, system_identifier, database_oid, table_oid, timeline, claimed_at)
        values ($1, $2, $3, $4, $5, $6) on conflict do nothing""",
        identity.name,
        identity.system_identifier,
        identity.database_oid,
        identity.table_oid,
        identity.timeline,
        now,
    )


async def name_it(db: Connection, name: str) -> None:
    """Give a claim that has no name this one."""
    await db.execute("update instance set name = $1 where name = ''", name)
