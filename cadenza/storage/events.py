"""Events: stored once, then applied once.

`event` keeps what arrived for ever; `inbox` names the events that are
not applied yet. Applying deletes the inbox row in the same transaction
that changes the enrollment.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cadenza.model import (
    AddressRef,
    Channel,
    EnrollmentId,
    Event,
    EventType,
    MessageRef,
    Reference,
    TouchId,
    TouchRef,
)
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """An event that waits to be applied. attempts: how often its touch was not found yet."""

    event_id: int
    event: Event
    attempts: int


async def record(tx: Connection, events: Sequence[Event], now: datetime) -> int:
    """Store events that are not known yet and put them into the inbox; returns how many."""
    if not events:
        return 0
    rows = await tx.fetch(
        """with fresh as (
            insert into event (source, external_id, type, occurred_at, recorded_at, about, data)
            select s, x, t, o, $7, a, d
            from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[]::jsonb[],
                $6::text[]::jsonb[]) as u (s, x, t, o, a, d)
            on conflict (source, external_id) do nothing returning id)
        insert into inbox (event_id, not_before) select id, clock_timestamp() from fresh
        returning event_id""",
        [e.source for e in events],
        [e.external_id for e in events],
        [e.type for e in events],
        [e.occurred_at for e in events],
        [json.dumps([_to_json(r) for r in e.about]) for e in events],
        [json.dumps(dict(e.data)) for e in events],
        now,
    )
    return len(rows)


async def waiting(db: Connection, most: int) -> Sequence[int]:
    """The first events of the inbox that can be applied now."""
    rows = await db.fetch(
        """select event_id from inbox where not_before <= clock_timestamp()
        order by event_id limit $1""",
        most,
    )
    return [row["event_id"] for row in rows]


async def take(tx: Connection, most: int, *, event_id: int | None = None) -> Sequence[StoredEvent]:
    """Remove events from the inbox and return them, oldest first; the caller applies them.

    event_id: only this one.
    """
    rows = await tx.fetch(
        """with taken as (
            delete from inbox where event_id in (
                select event_id from inbox where not_before <= clock_timestamp()
                    and ($2::bigint is null or event_id = $2)
                order by event_id limit $1 for update skip locked)
            returning event_id, attempts)
        select e.*, taken.attempts from taken join event e on e.id = taken.event_id
        order by e.id""",
        most,
        event_id,
    )
    return [
        StoredEvent(
            event_id=row["id"],
            attempts=row["attempts"],
            event=Event(
                source=row["source"],
                external_id=row["external_id"],
                type=EventType(row["type"]),
                occurred_at=row["occurred_at"],
                about=[_from_json(r) for r in row["about"]],
                data=row["data"],
            ),
        )
        for row in rows
    ]


async def put_back(tx: Connection, events: Sequence[StoredEvent], seconds: float) -> None:
    """Try these again later: their touch is not in the ledger yet, or they cannot be applied."""
    if events:
        await tx.execute(
            """insert into inbox (event_id, not_before, attempts)
            select e, clock_timestamp() + $3 * interval '1 second', a + 1
            from unnest($1::bigint[], $2::int[]) as t (e, a)""",
            [e.event_id for e in events],
            [e.attempts for e in events],
            seconds,
        )


async def resolved(
    tx: Connection,
    found: Sequence[tuple[int, TouchId | None, EnrollmentId, str | None]],
) -> None:
    """Note what events turned out to be about: (event, touch, enrollment, step)."""
    if found:
        await tx.execute(
            """update event set touch_id = t.t, enrollment_id = t.e, step = t.s
            from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) as t (id, t, e, s)
            where event.id = t.id""",
            [f[0] for f in found],
            [f[1] for f in found],
            [f[2] for f in found],
            [f[3] for f in found],
        )


async def of_enrollment(db: Connection, enrollment_id: EnrollmentId) -> Sequence[Mapping[str, Any]]:
    """Events of one enrollment in order, for `explain`; those that reached others too among them.

    A signal has its own name as its type; what a colleague did is marked so.
    """
    return await db.fetch(
        """select id, source, type, step, occurred_at, recorded_at from event
            where enrollment_id = $1
        union all
        select ev.id, ev.source, case when ev.type = 'signal' then ev.data->>'name'
            else 'colleague_' || ev.type end, null, ev.occurred_at, ev.recorded_at
        from reaction r join event ev on ev.id = r.event_id where r.enrollment_id = $1
        order by occurred_at, id""",
        enrollment_id,
    )


def _to_json(reference: Reference) -> list[Any]:
    match reference:
        case TouchRef(touch_id=touch_id):
            return ["touch", touch_id]
        case MessageRef(channel=channel, provider_id=provider_id):
            return ["message", channel, provider_id]
        case AddressRef(channel=channel, address=address):
            return ["address", channel, address]


def _from_json(value: list[Any]) -> Reference:
    match value:
        case ["touch", touch_id]:
            return TouchRef(touch_id=touch_id)
        case ["message", channel, provider_id]:
            return MessageRef(channel=Channel(channel), provider_id=provider_id)
        case ["address", channel, address]:
            return AddressRef(channel=Channel(channel), address=address)
        case _:
            raise ValueError(f"not a reference: {value!r}")
