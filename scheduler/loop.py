"""The scheduler's loop: one pass each time something may be due.

A pass leases shards, settles crashed batches, takes the turns of timers
and tasks, fills times that became free, stages what is due soon, releases
what is due now and hints again what nobody heard. Every part is one short transaction; a pass that
dies half-way is simply made again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from cadenza.abc import HintQueue
from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.course.course import Course, Happening
from cadenza.errors import FenceClosed, traced
from cadenza.fence import Fence
from cadenza.model import BatchId, Channel, Occurrence
from cadenza.slots import filling
from cadenza.storage import batches, due, quotas, rollups, shards
from cadenza.storage.database import Database, is_passing
from cadenza.storage.due import DueTouch
from cadenza.storage.rollups import Tally
from monitoring.metrics import PassPart, ReapReason, SchedulerMetrics
from scheduler.settle import settle_expired

log = structlog.get_logger(__name__)

TURNS_PER_PASS = 500
TURN_FAILED = "error"
"""Why a turn was put off that could not be taken."""

_NO_ROOM_SECONDS = 0.02
_FENCED_SECONDS = 5.0
_SET_ASIDE = timedelta(hours=1)
_FORGET_EVERY = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a scheduler works. Seconds of wall time, but for `stage_ahead` (schedule time).

    outstanding: batches released and not done, per scheduler; more are not
    staged, so that a backlog stays where it can still be stopped cheaply.
    """

    batch_size: int = 200
    outstanding: int = 32
    stage_ahead: timedelta = timedelta(minutes=1)
    shard_lease_seconds: float = 10.0
    hint_again_seconds: float = 5.0
    idle_seconds: float = 1.0


class Scheduler:
    """One scheduler process. `name` is its identity in leases: unique and new at each start."""

    def __init__(
        self,
        *,
        name: str,
        database: Database,
        hints: HintQueue,
        course: Course,
        catalog: Catalog,
        clock: Clock,
        fence: Fence,
        pace: Pace,
        metrics: SchedulerMetrics,
    ) -> None:
        self._name = name
        self._database = database
        self._hints = hints
        self._course = course
        self._catalog = catalog
        self._clock = clock
        self._fence = fence
        self._pace = pace
        self._metrics = metrics
        self._shards: Sequence[int] = ()
        self._housekeeping_at = 0.0
        self._next = self._fill_at = self._forget_at = clock.now()

    @property
    def shards(self) -> Sequence[int]:
        """The shards it plans for now."""
        return self._shards

    async def run(self, stop: asyncio.Event) -> None:
        """Make passes until `stop` is set, then give the shards back."""
        try:
            while not stop.is_set():
                try:
                    if not (await self._has_work() and await self.make_pass()):
                        await self._rest()
                except FenceClosed as closed:
                    log.error("fence_closed", reason=str(closed))
                    await asyncio.sleep(_FENCED_SECONDS)
                except Exception as error:  # noqa: BLE001 - what is due waits in its row
                    log.warning("pass_failed", error=traced(error))
                    await asyncio.sleep(self._pace.idle_seconds)
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        try:
            async with self._database.transaction() as tx:
                await shards.release(tx, self._name)
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("shards_not_given_back", error=type(error).__name__)

    async def make_pass(self) -> bool:
        """One pass; returns whether there may be more to do right away. Raises FenceClosed."""
        if self._clock.monotonic() >= self._housekeeping_at:
            with self._metrics.pass_duration.labels(PassPart.HOUSEKEEPING).time():
                await self._keep_house()
        with self._metrics.pass_duration.labels(PassPart.TURNS).time():
            turns = await self._take_turns()
        if self._clock.now() >= self._fill_at:
            with self._metrics.pass_duration.labels(PassPart.FILL).time():
                await self._fill_up()
        with self._metrics.pass_duration.labels(PassPart.STAGE).time():
            released = await self._stage_and_release()
        return turns > 0 or released > 0

    async def _has_work(self) -> bool:
        """Whether a pass would do anything: one cheap look, many times a second."""
        if self._clock.monotonic() >= self._housekeeping_at:
            return True
        async with self._database.connection() as db:
            self._next = await due.next_moment(
                db, self._shards, self._clock.now(), self._pace.stage_ahead
            )
        return self._next <= self._clock.now()

    async def _keep_house(self) -> None:
        """What is needed a few times per lease: leases, crashed batches, lost hints."""
        pace = self._pace
        self._housekeeping_at = self._clock.monotonic() + min(0.5, pace.shard_lease_seconds / 4)
        async with self._database.transaction() as tx:
            await self._fence.check(tx)
            alive = await shards.heartbeat(tx, self._name, pace.shard_lease_seconds)
            share = -(-256 // alive)
            self._shards = await shards.lease(tx, self._name, pace.shard_lease_seconds, share)
            await batches.adopt(tx, self._name)
            again = await batches.unheard(tx, self._name, pace.hint_again_seconds)
        self._metrics.shards_leased.set(len(self._shards))
        self._metrics.reaped_batches.labels(ReapReason.UNHEARD).inc(len(again))
        for journal_lost in await settle_expired(
            self._database, course=self._course, catalog=self._catalog, clock=self._clock
        ):
            reason = ReapReason.JOURNAL_LOST if journal_lost else ReapReason.LAPSED
            self._metrics.reaped_batches.labels(reason).inc()
            log.warning("settled_crashed_batch", reason=reason)
        await self._hints.batches(again)
        await self._hints.sweep()

    async def _take_turns(self) -> int:
        """Advance the enrollments whose timer ran out or whose task is to be opened."""
        try:
            return await self._take_turns_together()
        except Exception as error:
            if is_passing(error):
                raise
            return await self._take_turns_apart()

    async def _take_turns_together(self) -> int:
        async with self._database.transaction() as tx:
            turns = await due.take_turns(
                tx, shards=self._shards, now=self._clock.now(), most=TURNS_PER_PASS
            )
            tally = await self._course.apply(tx, [self._happening(turn) for turn in turns])
            await rollups.add(tx, tally)
        return len(turns)

    async def _take_turns_apart(self) -> int:
        """Each for itself: one that cannot be taken is put off and does not hold up the rest."""
        now, tally = self._clock.now(), Tally()
        async with self._database.transaction() as tx:
            turns = await due.take_turns(tx, shards=self._shards, now=now, most=TURNS_PER_PASS)
            for turn in turns:
                try:
                    async with tx.transaction():
                        tally.update(await self._course.apply(tx, [self._happening(turn)]))
                except Exception as error:
                    if is_passing(error):
                        raise
                    log.error("turn_failed", step=turn.step, error=traced(error))
                    until, tries = now + _SET_ASIDE, turn.attempts + 1
                    again = replace(turn, due_at=until, attempts=tries, reason=TURN_FAILED)
                    await due.put_back(tx, [again])
            await rollups.add(tx, tally)
        return len(turns)

    def _happening(self, turn: DueTouch) -> Happening:
        kind = "opened_task" if turn.channel is Channel.TASK else "elapsed"
        return Happening(
            enrollment_id=turn.enrollment_id,
            occurrence=Occurrence(
                kind=kind, at=self._clock.now(), step=turn.step, data={"visit": turn.visit}
            ),
        )

    async def _fill_up(self) -> None:
        """Let whoever waits for room have what became free; and forget counters of the past."""
        now = self._clock.now()
        self._fill_at = now + filling.EVERY
        async with self._database.transaction() as tx:
            await filling.fill_up(tx, self._course.ground, now)
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_EVERY
            async with self._database.transaction() as tx:
                await quotas.forget_old(tx, now)

    async def _stage_and_release(self) -> int:
        pace, now = self._pace, self._clock.now()
        async with self._database.transaction() as tx:
            ready: list[BatchId] = list(await batches.release_staged(tx, self._name, now))
            room = pace.outstanding - await batches.outstanding(tx, self._name)
            if room > 0:
                staged = await due.stage(
                    tx,
                    scheduler=self._name,
                    shards=self._shards,
                    now=now,
                    until=now + pace.stage_ahead,
                    size=pace.batch_size,
                    most=room * pace.batch_size,
                )
                ready += [batch_id for batch_id, is_released in staged if is_released]
        await self._hints.batches(ready)
        return len(ready)

    async def _rest(self) -> None:
        """Sleep until there is something to do, at most `idle_seconds`."""
        if self._next <= self._clock.now():
            # There is, but no room for it yet, or somebody holds it: ask again in a moment.
            await asyncio.sleep(_NO_ROOM_SECONDS)
        else:
            await self._clock.sleep_until(self._next, at_most_seconds=self._pace.idle_seconds)
