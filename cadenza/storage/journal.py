"""The journal of attempts: what a crash may have cut short.

A row `begin` is committed before a body goes out; a row `answer` when the
provider's answer was read. The table is unlogged; its generation marker
goes with it when PostgreSQL crashes, and a batch claimed under another
generation than today's has lost its journal.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cadenza.model import BatchId, EnrollmentId, TouchId
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One `begin` that asks to be let through.

    keys: suppression keys of its recipient. expected_id: what the provider
    will call it, where we say (Message-ID), so that a touch that stays
    unknown can be reconciled. account: what it leaves from. forbidden: as
    it was when its enrollment was read. party, recipient: to whom it goes
    and where, if that is not the prospect. segments: of a text.
    """

    batch_id: BatchId
    epoch: int
    touch_id: TouchId
    enrollment_id: EnrollmentId
    step: str
    visit: int
    keys: Sequence[str]
    at: datetime
    expected_id: str | None
    account: str | None = None
    forbidden: int = 0
    party: str | None = None
    recipient: str | None = None
    segments: int = 1


@dataclass(frozen=True, kw_only=True)
class Trace:
    """How far a touch got. answer: `{status, provider_id, code}` if one was read."""

    began_at: datetime | None
    expected_id: str | None
    account: str | None = None
    answer: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a provider answered. said: `{status: sent|failed|not_sent, provider_id, code}`."""

    batch_id: BatchId
    epoch: int
    touch_id: TouchId
    at: datetime
    said: Mapping[str, Any]


async def append(
    db: Connection, attempts: Sequence[Attempt], answers: Sequence[Answer]
) -> set[tuple[BatchId, int, TouchId]]:
    """Append a group of attempts and answers; returns who may go out: (batch, epoch, touch).

    A touch can be in a group twice: a worker that stalled may have it from a
    batch that was taken over meanwhile, and from a new one.

    An attempt passes only if its batch is still ours, its enrollment is
    active and stands at this very step visit in one of its lanes, and no key
    of its recipient is suppressed. FOR SHARE makes the order against a stop a fact: a stop
    that committed first is seen; one that comes later waits. Who waited for
    the lock sees the enrollment's row as it is then, but the suppressions as
    they were before: therefore a suppression raises `forbidden` in the row.
    Rows are locked in order of enrollments, as everywhere.
    """
    flat = [(n, key) for n, attempt in enumerate(attempts, start=1) for key in attempt.keys]
    rows = await db.fetch(
        """with answered as (
            insert into journal (batch_id, epoch, touch_id, kind, at, answer)
            select b.id, b.epoch, t.touch_id, 'answer', t.at, t.answer
            from unnest($11::bigint[], $12::int[], $13::bigint[], $14::timestamptz[],
                        $15::text[]::jsonb[])
                as t (batch_id, epoch, touch_id, at, answer)
            join batch b on b.id = t.batch_id and b.epoch = t.epoch
            for share of b)
        insert into journal (batch_id, epoch, touch_id, kind, at, answer)
        select b.id, b.epoch, t.touch_id, 'begin', t.at,
            jsonb_build_object('provider_id', t.expected_id, 'account', t.account)
                || case when t.party is null then '{}' else
                    jsonb_build_object('party', t.party, 'recipient', t.recipient) end
                || case when t.segments = 1 then '{}' else
                    jsonb_build_object('segments', t.segments) end
        from unnest($1::bigint[], $2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::int[],
                    $7::timestamptz[], $10::text[], $16::int[], $17::text[], $18::text[],
                    $19::text[], $20::int[]) with ordinality
            as t (batch_id, epoch, touch_id, enrollment_id, step, visit, at, expected_id,
                  forbidden, account, party, recipient, segments, n)
        join batch b on b.id = t.batch_id and b.epoch = t.epoch
        join enrollment e on e.id = t.enrollment_id and e.status = 'active'
            and t.step || ':' || t.visit = any (e.standing) and e.forbidden = t.forbidden
        where not exists (
            select 1 from unnest($8::bigint[], $9::text[]) as k (n, key)
            join suppression s on s.key = k.key where k.n = t.n)
            and not exists (select 1 from account_pause p
                where p.account = t.account and p.resumed_at is null)
        order by e.id for share of b, e
        returning batch_id, epoch, touch_id""",
        [a.batch_id for a in attempts],
        [a.epoch for a in attempts],
        [a.touch_id for a in attempts],
        [a.enrollment_id for a in attempts],
        [a.step for a in attempts],
        [a.visit for a in attempts],
        [a.at for a in attempts],
        [n for n, _ in flat],
        [key for _, key in flat],
        [a.expected_id for a in attempts],
        [a.batch_id for a in answers],
        [a.epoch for a in answers],
        [a.touch_id for a in answers],
        [a.at for a in answers],
        [json.dumps(dict(a.said)) for a in answers],
        [a.forbidden for a in attempts],
        [a.account for a in attempts],
        [a.party for a in attempts],
        [a.recipient for a in attempts],
        [a.segments for a in attempts],
    )
    return {(row["batch_id"], row["epoch"], row["touch_id"]) for row in rows}


async def read(tx: Connection, batch_id: BatchId) -> Mapping[TouchId, "Trace"]:
    """What the journal knows of each touch of a batch that was begun."""
    rows = await tx.fetch(
        "select touch_id, kind, at, answer from journal where batch_id = $1 order by kind desc",
        batch_id,
    )
    traces: dict[TouchId, Trace] = {}
    for row in rows:  # "begin" sorts before "answer" in descending order
        said = row["answer"]
        if row["kind"] == "begin":
            traces[row["touch_id"]] = Trace(
                began_at=row["at"], expected_id=said["provider_id"], account=said["account"]
            )
        elif trace := traces.get(row["touch_id"]):
            traces[row["touch_id"]] = replace(trace, answer=said)
    return traces


async def naming(db: Connection, provider_ids: Sequence[str]) -> set[str]:
    """Which of these names of messages belong to touches that are not in the ledger yet."""
    rows = await db.fetch(
        """select distinct answer->>'provider_id' as id from journal
        where answer->>'provider_id' = any($1::text[])""",
        provider_ids,
    )
    return {row["id"] for row in rows}


async def current_generation(tx: Connection) -> int:
    """Today's generation; a new one if the marker is gone."""
    await tx.execute(
        """insert into journal_generation (generation)
        select nextval('journal_generation_number')
        where not exists (select 1 from journal_generation) on conflict do nothing"""
    )
    generation: int = await tx.fetchval("select generation from journal_generation")
    return generation
