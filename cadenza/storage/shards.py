"""Which scheduler plans for which shards.

- A shard is free when `lease_until` has passed.
- A lease is renewed by its holder only; taking a free shard raises its epoch.
- Leases run on the database's wall clock, which all schedulers share.
"""

from collections.abc import Sequence

from cadenza.storage.database import Connection


async def heartbeat(tx: Connection, scheduler: str, lease_seconds: float) -> int:
    """Say that `scheduler` lives; returns how many schedulers do."""
    await tx.execute(
        """insert into scheduler_process (scheduler, seen_at) values ($1, clock_timestamp())
        on conflict (scheduler) do update set seen_at = excluded.seen_at""",
        scheduler,
    )
    # Those that are just saying that they live are skipped: after an outage all look
    # dead, and two that wait for each other's rows would stand still.
    await tx.execute(
        """delete from scheduler_process where scheduler in (
            select scheduler from scheduler_process
            where seen_at < clock_timestamp() - $1 * interval '1 second' for update skip locked)""",
        lease_seconds,
    )
    count: int = await tx.fetchval("select count(*) from scheduler_process")
    return count


async def lease(tx: Connection, scheduler: str, lease_seconds: float, share: int) -> Sequence[int]:
    """Renew own leases up to `share` shards, take free ones up to it, give the rest back.

    Returns the shards that are held now.
    """
    held = await tx.fetch(
        """select shard from shard_lease where scheduler = $1 and lease_until > clock_timestamp()
        order by shard for update""",
        scheduler,
    )
    keep = [row["shard"] for row in held[:share]]
    surplus = [row["shard"] for row in held[share:]]
    if surplus:
        await tx.execute(
            """update shard_lease set scheduler = null, lease_until = '-infinity'
            where shard = any($1::smallint[])""",
            surplus,
        )
    if len(keep) < share:
        free = await tx.fetch(
            """select shard from shard_lease where lease_until <= clock_timestamp()
            order by shard limit $1 for update skip locked""",
            share - len(keep),
        )
        taken = [row["shard"] for row in free if row["shard"] not in surplus]
        await tx.execute(
            """update shard_lease set scheduler = $1, epoch = epoch + 1
            where shard = any($2::smallint[])""",
            scheduler,
            taken,
        )
        keep += taken
    await tx.execute(
        """update shard_lease set lease_until = clock_timestamp() + $2 * interval '1 second'
        where shard = any($1::smallint[])""",
        keep,
        lease_seconds,
    )
    return keep


async def release(tx: Connection, scheduler: str) -> None:
    """Give everything back: at a clean stop, or when a supervisor saw a scheduler die.

    scheduler: its identity, or what that begins with.
    """
    await tx.execute(
        """update shard_lease set scheduler = null, lease_until = '-infinity'
        where starts_with(scheduler, $1)""",
        scheduler,
    )
    await tx.execute("delete from scheduler_process where starts_with(scheduler, $1)", scheduler)
