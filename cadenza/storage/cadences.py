"""Cadences and their immutable versions, stored as the source files they were applied from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.model import VersionId
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class StoredVersion:
    """One version. sources: relative path → text, the cadence file first."""

    version_id: VersionId
    cadence_id: int
    name: str
    version: int
    sources: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class LiveVersion:
    """One version without its sources."""

    version_id: VersionId
    name: str
    version: int


async def store(
    tx: Connection,
    name: str,
    digest: str,
    sources: Mapping[str, str],
    now: datetime,
    *,
    service: bool = False,
) -> tuple[int, bool]:
    """Make `sources` the newest version of cadence `name`. Returns (version, is new).

    service: of that class, which decides what an opt-out forbids. The same
    digest as the newest version changes nothing.
    """
    cadence_id = await tx.fetchval(
        """insert into cadence (name) values ($1)
        on conflict (name) do update set name = excluded.name returning id""",
        name,
    )
    newest = await tx.fetchrow(
        """select version, digest from cadence_version where cadence_id = $1
        order by version desc limit 1""",
        cadence_id,
    )
    if newest is not None and newest["digest"] == digest:
        return newest["version"], False
    version = newest["version"] + 1 if newest is not None else 1
    await tx.execute(
        """insert into cadence_version (cadence_id, version, digest, sources, applied_at, service)
        values ($1, $2, $3, $4::jsonb, $5, $6)""",
        cadence_id,
        version,
        digest,
        # A list of pairs: jsonb objects forget their order.
        json.dumps(list(sources.items())),
        now,
        service,
    )
    return version, True


async def hold(tx: Connection, names: Sequence[str]) -> None:
    """Lock those of these cadences that are known, in the order in which all lock them."""
    await tx.execute(
        "select 1 from cadence where name = any($1::text[]) order by id for no key update", names
    )


async def newest(db: Connection, name: str) -> StoredVersion | None:
    """The version that new enrollments of cadence `name` begin with."""
    return await _one(db, "c.name = $1 order by v.version desc limit 1", name)


async def newest_of_all(db: Connection) -> Sequence[VersionId]:
    """The version that new enrollments begin with, of every cadence."""
    rows = await db.fetch(
        """select distinct on (cadence_id) id from cadence_version
        order by cadence_id, version desc"""
    )
    return [row["id"] for row in rows]


async def live(db: Connection) -> Sequence[LiveVersion]:
    """The newest version of every cadence, and those of enrollments that have not ended."""
    rows = await db.fetch(
        """with newest as (
            select distinct on (cadence_id) id from cadence_version
            order by cadence_id, version desc)
        select v.id as version_id, c.name, v.version
        from cadence_version v join cadence c on c.id = v.cadence_id
        where v.id in (select id from newest
            union select version_id from enrollment where status <> 'finished')
        order by c.name, v.version"""
    )
    return [LiveVersion(**row) for row in rows]


async def by_number(db: Connection, name: str, version: int) -> StoredVersion | None:
    """Version `version` of cadence `name`."""
    return await _one(db, "c.name = $1 and v.version = $2", name, version)


async def by_id(db: Connection, version_id: VersionId) -> StoredVersion | None:
    """The version with this id."""
    return await _one(db, "v.id = $1", version_id)


async def names(db: Connection) -> Sequence[str]:
    """All cadences that were applied."""
    return [r["name"] for r in await db.fetch("select name from cadence order by name")]


async def _one(db: Connection, condition: str, *values: object) -> StoredVersion | None:
    row = await db.fetchrow(
        f"""select v.id, v.cadence_id, c.name, v.version, v.sources
        from cadence_version v join cadence c on c.id = v.cadence_id where {condition}""",
        *values,
    )
    if row is None:
        return None
    return StoredVersion(
        version_id=row["id"],
        cadence_id=row["cadence_id"],
        name=row["name"],
        version=row["version"],
        sources=dict(row["sources"]),
    )
