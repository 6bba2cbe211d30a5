"""Companies: what is known of the firms that prospects belong to."""

import json
from collections.abc import Mapping
from typing import Any

from cadenza.storage.database import Connection


async def upsert(tx: Connection, companies: Mapping[str, Mapping[str, Any]]) -> None:
    """Store fields of companies by normalised name; what is known stays unless it is said anew."""
    if not companies:
        return
    ordered = sorted(companies.items())  # one lock order for all writers
    await tx.execute(
        """insert into company (name, fields)
        select n, f from unnest($1::text[], $2::text[]::jsonb[]) as t (n, f)
        on conflict (name) do update set fields = company.fields || excluded.fields
            where company.fields is distinct from company.fields || excluded.fields""",
        [name for name, _ in ordered],
        [json.dumps(dict(fields)) for _, fields in ordered],
    )
