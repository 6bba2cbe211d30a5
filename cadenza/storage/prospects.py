"""Prospects: who is touched."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cadenza.model import SHARDS, Channel, Profile, ProspectId
from cadenza.storage.database import Connection, Row

COLUMNS = """p.id as prospect_id, p.key, p.email, p.phone, p.profile, p.company, p.owner_id,
    p.time_zone, p.country, p.locale, p.fields,
    (select co.fields from company co where co.name = p.company) as company_fields"""


@dataclass(frozen=True, kw_only=True)
class NewProspect:
    """A checked row of an enrollment message. company: normalised name or domain, or None."""

    key: str
    email: str | None
    phone: str | None
    profile: str | None
    company: str | None
    owner_id: str
    time_zone: str
    country: str | None
    locale: str | None
    fields: Mapping[str, Any]

    @property
    def shard(self) -> int:
        """Colleagues share a shard, so one scheduler sees them all."""
        digest = hashlib.blake2s((self.company or self.key).encode(), digest_size=2).digest()
        return int.from_bytes(digest, "big") % SHARDS


async def upsert(
    tx: Connection, prospects: Sequence[NewProspect], now: datetime
) -> Mapping[str, ProspectId]:
    """Store prospects by key; known ones get the new values. Returns key → id.

    Keys must differ within one call. An owner stays who they were: a
    prospect does not change hands because a list was imported again.
    """
    ordered = sorted(prospects, key=lambda p: p.key)  # one lock order for all writers
    rows = await tx.fetch(
        """insert into prospect (key, email, phone, profile, company, owner_id, shard,
                                 time_zone, country, locale, fields, created_at)
        select *, $12::timestamptz from unnest($1::text[], $2::text[], $3::text[], $4::text[],
            $5::text[], $6::text[], $7::smallint[], $8::text[], $9::text[], $10::text[],
            $11::text[]::jsonb[])
        on conflict (key) do update set
            email = coalesce(excluded.email, prospect.email),
            phone = coalesce(excluded.phone, prospect.phone),
            profile = coalesce(excluded.profile, prospect.profile),
            company = coalesce(excluded.company, prospect.company),
            time_zone = excluded.time_zone,
            country = coalesce(excluded.country, prospect.country),
            locale = coalesce(excluded.locale, prospect.locale),
            fields = prospect.fields || excluded.fields
        returning id, key""",
        [p.key for p in ordered],
        [p.email for p in ordered],
        [p.phone for p in ordered],
        [p.profile for p in ordered],
        [p.company for p in ordered],
        [p.owner_id for p in ordered],
        [p.shard for p in ordered],
        [p.time_zone for p in ordered],
        [p.country for p in ordered],
        [p.locale for p in ordered],
        [json.dumps(dict(p.fields)) for p in ordered],
        now,
    )
    return {row["key"]: row["id"] for row in rows}


async def by_ids(db: Connection, ids: Sequence[ProspectId]) -> Mapping[ProspectId, Profile]:
    """Profiles by id."""
    rows = await db.fetch(
        f"select {COLUMNS} from prospect p where p.id = any($1::bigint[])",
        ids,
    )
    return {row["prospect_id"]: profile_of(row) for row in rows}


async def find(db: Connection, who: str) -> Sequence[Profile]:
    """Prospects that a person means by `who`: key, external id, address, number or company."""
    rows = await db.fetch(
        f"""select {COLUMNS} from prospect p
        where p.key = $1 or p.key = 'id:' || $1 or p.email = lower($1) or p.phone = $1
           or p.profile = $1 or p.company = lower($1)
        order by p.id limit 10000""",
        who,
    )
    return [profile_of(row) for row in rows]


def profile_of(row: Row) -> Profile:
    """A profile out of a row that has `COLUMNS`."""
    fields, company = row["fields"], {}
    if row["company"] is not None:
        fields.setdefault("company", row["company"])
        company = {"name": fields["company"], **(row["company_fields"] or {})}
    return Profile(
        prospect_id=row["prospect_id"],
        key=row["key"],
        email=row["email"],
        phone=row["phone"],
        profile=row["profile"],
        time_zone=row["time_zone"],
        country=row["country"],
        locale=row["locale"],
        owner_id=row["owner_id"],
        fields=fields,
        company=company,
    )


def address_on(channel: Channel, profile: Profile) -> str | None:
    """Where `channel` reaches this prospect."""
    match channel:
        case Channel.EMAIL:
            return profile.email
        case Channel.SMS:
            return profile.phone
        case Channel.SOCIAL:
            return profile.profile
        case _:
            return None
