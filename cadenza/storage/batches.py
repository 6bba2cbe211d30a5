"""Batches: what a worker takes. The row is the truth, a message about it only a hint.

- `staged`: cut ahead of time, waits for `release_at`.
- `released`: may be claimed; hinted to the workers at `hinted_at`.
- `claimed`: `worker` holds it under `epoch` until `lease_until`.
- gone: everything in it is in the ledger or back in `due`.

Raising the epoch seals a batch: no journal row and no commit under the
old epoch is accepted any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cadenza.errors import StaleLease
from cadenza.model import BatchId, EnrollmentId, TouchId
from cadenza.storage import journal
from cadenza.storage.database import Connection, Row
from cadenza.storage.due import DueTouch

Reserved = Sequence[tuple[str, datetime, Sequence[TouchId]]]
"""Places under caps that were taken (`storage.quotas`): key, window, and the touch of each."""


@dataclass(frozen=True, kw_only=True)
class ClaimedBatch:
    """A batch that is ours under `epoch`."""

    batch_id: BatchId
    epoch: int
    touches: Sequence[DueTouch]
    generation: int | None = None
    reserved: Reserved = ()


async def release_staged(tx: Connection, scheduler: str, now: datetime) -> Sequence[BatchId]:
    """Release own staged batches whose minute has come."""
    rows = await tx.fetch(
        """update batch set state = 'released', hinted_at = clock_timestamp()
        where state = 'staged' and release_at <= $2 and scheduler = $1 returning id""",
        scheduler,
        now,
    )
    return [row["id"] for row in rows]


async def outstanding(tx: Connection, scheduler: str) -> int:
    """How many of this scheduler's batches are released and not done."""
    count: int = await tx.fetchval(
        "select count(*) from batch where scheduler = $1 and state <> 'staged'", scheduler
    )
    return count


async def claim(
    tx: Connection, batch_id: BatchId, worker: str, lease_seconds: float
) -> ClaimedBatch | None:
    """Take a released batch; None if it is not there to be taken any more."""
    row = await tx.fetchrow(
        """update batch set state = 'claimed', epoch = epoch + 1, worker = $2,
            lease_until = clock_timestamp() + $3 * interval '1 second',
            generation = (select generation from journal_generation)
        where id = $1 and state = 'released'
        returning id, epoch, generation, reserved, touches""",
        batch_id,
        worker,
        lease_seconds,
    )
    if row is None:
        return None
    batch = _claimed(row)
    if batch.generation is not None:
        return batch
    # The first claim after a crash of PostgreSQL, or ever.
    generation = await journal.current_generation(tx)
    await tx.execute("update batch set generation = $2 where id = $1", batch_id, generation)
    return replace(batch, generation=generation)


async def renew(
    db: Connection, batch_ids: Sequence[BatchId], worker: str, lease_seconds: float
) -> None:
    """Hold on to batches that are still being worked on.

    Each in a statement that commits by itself: the journal locks several
    batches too, in the order of their enrollments.
    """
    for batch_id in batch_ids:
        await db.execute(
            """update batch set lease_until = clock_timestamp() + $3 * interval '1 second'
            where id = $1 and worker = $2 and state = 'claimed'""",
            batch_id,
            worker,
            lease_seconds,
        )


async def fence(tx: Connection, batch: ClaimedBatch) -> Reserved:
    """Lock the batch for the rest of the transaction; returns what places it has taken.

    Raises StaleLease if it is not ours.
    """
    row = await tx.fetchrow(
        "select reserved from batch where id = $1 and epoch = $2 for update",
        batch.batch_id,
        batch.epoch,
    )
    if row is None:
        raise StaleLease(f"batch {batch.batch_id}")
    return _reserved(row)


async def finish(tx: Connection, batch_id: BatchId) -> None:
    """Remove a batch whose touches are all elsewhere now, with its journal."""
    await tx.execute(
        """with journal as (delete from journal where batch_id = $1)
        delete from batch where id = $1""",
        batch_id,
    )


async def seal_expired(tx: Connection, most: int) -> Sequence[ClaimedBatch]:
    """Take over claimed batches whose lease has passed, raising their epoch."""
    rows = await tx.fetch(
        """update batch set epoch = epoch + 1, worker = null,
            lease_until = clock_timestamp() + interval '30 seconds'
        where id in (select id from batch
            where state = 'claimed' and lease_until < clock_timestamp()
            order by id limit $1 for update skip locked)
        returning id, epoch, generation, reserved, touches""",
        most,
    )
    return [_claimed(row) for row in rows]


async def expire_worker(tx: Connection, worker: str) -> int:
    """A supervisor saw a worker die: let its batches be settled at once. Returns how many.

    worker: its identity, or what that begins with. What a last statement
    of its still holds waits until the lease ends.
    """
    tag = await tx.execute(
        """update batch set lease_until = '-infinity' where id in (
            select id from batch where starts_with(worker, $1) and state = 'claimed'
            for update skip locked)""",
        worker,
    )
    return int(tag.rpartition(" ")[2])


async def holding(db: Connection, ids: Sequence[EnrollmentId]) -> Sequence[EnrollmentId]:
    """Which of these enrollments have a touch in some batch."""
    rows = await db.fetch(
        """select distinct (t->>'enrollment_id')::bigint as id
        from batch, jsonb_array_elements(touches) as t
        where (t->>'enrollment_id')::bigint = any($1::bigint[]) order by 1""",
        ids,
    )
    return [row["id"] for row in rows]


async def leaving_from(db: Connection, account: str) -> Sequence[EnrollmentId]:
    """The enrollments of which some batch has a touch that leaves from `account`."""
    rows = await db.fetch(
        """select distinct (t->>'enrollment_id')::bigint as id
        from batch, jsonb_array_elements(touches) as t
        where t->>'account' = $1 order by 1""",
        account,
    )
    return [row["id"] for row in rows]


async def carrying(db: Connection, ids: Sequence[TouchId]) -> set[TouchId]:
    """Which of these touches are in some batch: they may have left, and are not in the ledger."""
    rows = await db.fetch(
        """select distinct (t->>'touch_id')::bigint as id
        from batch, jsonb_array_elements(touches) as t
        where (t->>'touch_id')::bigint = any($1::bigint[])""",
        ids,
    )
    return {row["id"] for row in rows}


async def adopt(tx: Connection, scheduler: str) -> None:
    """Take over the batches of schedulers that are gone, so that somebody counts and hints them.

    Those that somebody is at work on at this moment are left for the next time.
    """
    await tx.execute(
        """update batch set scheduler = $1 where id in (
            select id from batch where scheduler <> $1
                and scheduler not in (select scheduler from scheduler_process)
            order by id for update skip locked)""",
        scheduler,
    )


async def unheard(tx: Connection, scheduler: str, seconds: float) -> Sequence[BatchId]:
    """Own released batches that nobody claimed for `seconds`: hint them again."""
    rows = await tx.fetch(
        """update batch set hinted_at = clock_timestamp()
        where scheduler = $1 and state = 'released'
          and hinted_at < clock_timestamp() - $2 * interval '1 second'
        returning id""",
        scheduler,
        seconds,
    )
    return [row["id"] for row in rows]


def _claimed(row: Row) -> ClaimedBatch:
    return ClaimedBatch(
        batch_id=row["id"],
        epoch=row["epoch"],
        generation=row["generation"],
        reserved=_reserved(row),
        touches=[DueTouch.from_json(touch) for touch in row["touches"]],
    )


def _reserved(row: Row) -> Reserved:
    return [
        (key, datetime.fromisoformat(start), touches) for key, start, touches in row["reserved"]
    ]
