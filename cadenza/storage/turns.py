"""Whose turn it is to touch a person: the durable gap between touches from all cadences.

Whoever begins a touch takes the person's row first, in a transaction of
its own; when the batch is recorded, the row gets the time at which the
touch really began, or is given back. So of two workers that hold touches
to one person only one goes on, and the ledger, which neither of them is
in yet, need not be asked twice.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from cadenza.model import ProspectId, TouchId
from cadenza.storage.database import Connection


async def take(
    db: Connection, wanted: Sequence[tuple[ProspectId, TouchId]], at: datetime, gap: timedelta
) -> Mapping[ProspectId, datetime]:
    """Take the turns of these people, one touch each; who is not free → when they are."""
    people, touches = [p for p, _ in wanted], [t for _, t in wanted]
    rows = await db.fetch(
        """with asked as (
            select p, t from unnest($1::bigint[], $2::bigint[]) as u (p, t)
            where not exists (
                select 1 from touch l where l.prospect_id = p
                    and l.began_at > $3::timestamptz - $4::interval
                    and l.channel <> 'webhook' and l.party is null
                    and l.status in ('sent', 'unknown'))
            order by p)
        insert into person_turn (prospect_id, touch_id, began_at) select p, t, $3 from asked
        on conflict (prospect_id) do update
            set touch_id = excluded.touch_id, began_at = excluded.began_at
            where person_turn.began_at <= excluded.began_at - $4::interval
                or person_turn.touch_id = excluded.touch_id
        returning prospect_id""",
        people,
        touches,
        at,
        gap,
    )
    taken = {row["prospect_id"] for row in rows}
    others = [p for p in people if p not in taken]
    if not others:
        return {}
    last = await db.fetch(
        """select p, greatest(
            (select began_at from person_turn where prospect_id = p),
            (select max(began_at) from touch where prospect_id = p and channel <> 'webhook'
                and party is null and status in ('sent', 'unknown'))) as at
        from unnest($1::bigint[]) as u (p)""",
        others,
    )
    return {row["p"]: (row["at"] or at) + gap for row in last}


async def settle(
    tx: Connection, touches: Sequence[TouchId], began: Mapping[TouchId, datetime | None]
) -> None:
    """A batch is over. began: when each of its touches that left, or may have, began."""
    await tx.execute(
        """select 1 from person_turn where touch_id = any($1::bigint[])
        order by prospect_id for update""",
        touches,
    )
    await tx.execute(
        "delete from person_turn where touch_id = any($1::bigint[])",
        [touch for touch in touches if touch not in began],
    )
    known = {touch: at for touch, at in began.items() if at is not None}
    await tx.execute(
        """update person_turn set began_at = t.at
        from unnest($1::bigint[], $2::timestamptz[]) as t (id, at)
        where person_turn.touch_id = t.id""",
        list(known),
        list(known.values()),
    )


async def free_at(db: Connection, person: ProspectId, gap: timedelta) -> datetime | None:
    """From when on a person may be touched again; None: nobody touched them yet."""
    last: datetime | None = await db.fetchval(
        """select greatest(
            (select began_at from person_turn where prospect_id = $1),
            (select max(began_at) from touch where prospect_id = $1 and channel <> 'webhook'
                and party is null and status in ('sent', 'unknown')))""",
        person,
    )
    return None if last is None else last + gap
