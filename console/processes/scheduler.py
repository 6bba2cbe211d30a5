"""`cadenza scheduler`."""

from datetime import timedelta

from cadenza.settings import Settings
from cadenza.storage import calendars_in_force, recounting
from console.processes.common import (
    identity,
    observed,
    open_parts,
    stop_on_signals,
    tell_missing_groups,
    wait_for_fence,
)
from monitoring.metrics import Process, SchedulerMetrics
from scheduler.loop import Pace, Scheduler
from workers.broker import DramatiqHints, make_broker


async def run(settings: Settings) -> None:
    """Schedule until SIGTERM."""
    stop = stop_on_signals()
    async with open_parts(settings) as parts, observed(Process.SCHEDULER, settings) as registry:
        if not await wait_for_fence(parts, stop.is_set):
            return
        async with parts.database.transaction() as tx:
            await calendars_in_force.note(tx, parts.accounts, parts.clock.now())
            rules = parts.ground.pacer.rules
            await recounting.recount(tx, parts.accounts, rules, parts.clock.now())
        await tell_missing_groups(parts)
        hints = DramatiqHints(make_broker(settings.redis_url))
        scheduler = Scheduler(
            name=identity(),
            database=parts.database,
            hints=hints,
            course=parts.course,
            catalog=parts.catalog,
            clock=parts.clock,
            fence=parts.fence,
            metrics=SchedulerMetrics(registry),
            pace=Pace(
                batch_size=settings.batch_size,
                outstanding=settings.outstanding_batches,
                shard_lease_seconds=settings.shard_lease_seconds,
                idle_seconds=settings.scheduler_idle_seconds,
                stage_ahead=timedelta(seconds=settings.stage_ahead_seconds),
            ),
        )
        try:
            await scheduler.run(stop)
        finally:
            hints.close()
