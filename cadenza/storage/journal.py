"""The journal of attempts: what a crash may have cut short.

A row `begin` is committed before a body goes out; a row `answer` when the
provider's answer was read. The table is unlogged; its generation marker
goes with it when PostgreSQL crashes, and a batch claimed under another
generation than today's has lost its journal.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cadenza.model import BatchId, EnrollmentId, TouchId
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One `begin` that asks to be let through. keys: suppression keys of its recipient."""

    batch_id: BatchId
    epoch: int
    touch_id: TouchId
    enrollment_id: EnrollmentId
    step: str
    visit: int
    keys: Sequence[str]
    at: datetime


async def begin(db: Connection, attempts: Sequence[Attempt]) -> set[TouchId]:
    """Append the attempts that may go out and return which those are.

    An attempt passes only if its batch is still ours, its enrollment is
    active and stands at this very step visit, and no key of its recipient
    is suppressed. FOR SHARE makes the order against a stop a fact: a stop
    that committed first is seen; one that comes later waits.
    """
    flat = [(n, key) for n, attempt in enumerate(attempts) for key in attempt.keys]
    rows = await db.fetch(
        """insert into journal (batch_id, epoch, touch_id, kind, at)
        select b.id, b.epoch, t.touch_id, 'begin', t.at
        from unnest($1::bigint[], $2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::int[],
                    $7::timestamptz[]) with ordinality
            as t (batch_id, epoch, touch_id, enrollment_id, step, visit, at, n)
        join batch b on b.id = t.batch_id and b.epoch = t.epoch
        join enrollment e on e.id = t.enrollment_id and e.status = 'active'
            and e.step = t.step and e.visit = t.visit
        where not exists (
            select 1 from unnest($8::bigint[], $9::text[]) as k (n, key)
            join suppression s on s.key = k.key where k.n = t.n - 1)
        for share of b, e
        returning touch_id""",
        [a.batch_id for a in attempts],
        [a.epoch for a in attempts],
        [a.touch_id for a in attempts],
        [a.enrollment_id for a in attempts],
        [a.step for a in attempts],
        [a.visit for a in attempts],
        [a.at for a in attempts],
        [n for n, _ in flat],
        [key for _, key in flat],
    )
    return {row["touch_id"] for row in rows}


async def answer(
    db: Connection,
    answers: Sequence[tuple[BatchId, int, TouchId, datetime, Mapping[str, Any]]],
) -> None:
    """Append answers that were read: (batch, epoch, touch, when, what)."""
    await db.execute(
        """insert into journal (batch_id, epoch, touch_id, kind, at, answer)
        select b.id, b.epoch, t.touch_id, 'answer', t.at, t.answer
        from unnest($1::bigint[], $2::int[], $3::bigint[], $4::timestamptz[], $5::jsonb[])
            as t (batch_id, epoch, touch_id, at, answer)
        join batch b on b.id = t.batch_id and b.epoch = t.epoch
        for share of b""",
        [a[0] for a in answers],
        [a[1] for a in answers],
        [a[2] for a in answers],
        [a[3] for a in answers],
        [json.dumps(a[4]) for a in answers],
    )


async def read(
    tx: Connection, batch_id: BatchId
) -> tuple[Mapping[TouchId, datetime], Mapping[TouchId, Mapping[str, Any]]]:
    """What was begun and when, and what was answered, in one batch."""
    rows = await tx.fetch(
        "select touch_id, kind, at, answer from journal where batch_id = $1", batch_id
    )
    begun = {row["touch_id"]: row["at"] for row in rows if row["kind"] == "begin"}
    answers = {r["touch_id"]: json.loads(r["answer"]) for r in rows if r["kind"] == "answer"}
    return begun, answers


async def current_generation(tx: Connection) -> int:
    """Today's generation; a new one if the marker is gone."""
    await tx.execute(
        """insert into journal_generation (generation)
        select nextval('journal_generation_number')
        where not exists (select 1 from journal_generation) on conflict do nothing"""
    )
    generation: int = await tx.fetchval("select generation from journal_generation")
    return generation
