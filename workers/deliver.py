"""Delivery: the way of a batch, from its claim to its results.

claim → screen → render → take turns → limit and reserve → send → record. Whatever goes
wrong on the way, each touch ends in exactly one place: the ledger, `due`
with a reason, or nowhere because nobody wants it any more.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager

import structlog

from cadenza.abc import Limiter
from cadenza.accounts import Accounts
from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.course import results
from cadenza.course.course import Course
from cadenza.course.results import Results
from cadenza.errors import StaleLease, traced
from cadenza.fence import Fence
from cadenza.limits import LimitRules
from cadenza.model import BatchId
from cadenza.storage import batches
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.database import Database, is_passing
from monitoring.metrics import Phase, WorkerMetrics
from workers.attempts import Attempts
from workers.candidate import Candidate
from workers.journal import JournalWriter
from workers.permits import Permits, Ready
from workers.render import Renderer, RenderRequest
from workers.screening import Known, Screening, told
from workers.turns import Turns

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 0.2
# How long a batch waits for rates to have room again, and how long at least.
_PATIENCE_SECONDS = 20.0
_SHORTEST_WAIT_SECONDS = 0.1


class Delivery:
    """Delivers batches for one worker process."""

    def __init__(
        self,
        *,
        worker: str,
        database: Database,
        course: Course,
        catalog: Catalog,
        accounts: Accounts,
        limiter: Limiter,
        rules: LimitRules,
        attempts: Attempts,
        journal_writer: JournalWriter,
        renderer: Renderer,
        clock: Clock,
        fence: Fence,
        lease_seconds: float,
        metrics: WorkerMetrics,
    ) -> None:
        self._worker = worker
        self._database = database
        self._course = course
        self._catalog = catalog
        self._accounts = accounts
        self._permits = Permits(
            database=database, limiter=limiter, rules=rules, clock=clock, metrics=metrics
        )
        self._turns = Turns(database=database, clock=clock, gap=accounts.organisation.person_gap)
        self._screening = Screening(catalog=catalog, accounts=accounts, clock=clock)
        self._attempts = attempts
        self._journal = journal_writer
        self._renderer = renderer
        self._clock = clock
        self._fence = fence
        self._lease_seconds = lease_seconds
        self._metrics = metrics
        self._held: set[BatchId] = set()

    async def deliver(self, batch_id: BatchId) -> None:
        """Deliver one batch, unless somebody else has it or had it. Raises FenceClosed."""
        outcome = Results()
        with self._timed(Phase.CLAIM):
            claimed = await self._claim(batch_id)
            candidates = self._screening.screen(*claimed, outcome) if claimed else ()
        if claimed is None:
            return
        batch, _ = claimed
        self._metrics.batch_size.observe(len(batch.touches))
        self._held.add(batch_id)
        try:
            with self._timed(Phase.RENDER):
                ready = self._render(candidates, outcome)
            ready = await self._turns.take(ready, outcome)
            await self._send_as_allowed(batch, ready, outcome)
            with self._timed(Phase.COMMIT):
                await self._record(batch, outcome)
        except StaleLease:
            self._metrics.batch_leases_lost.inc()
            log.warning("batch_taken_over", batch=batch_id)
        finally:
            self._held.discard(batch_id)

    async def keep_leases(self) -> None:
        """Renew the leases of what is in hand, for ever; soon again where the database is away."""
        wait = self._lease_seconds / 3
        while True:
            await asyncio.sleep(wait)
            wait = self._lease_seconds / 3
            try:
                await self.renew()
            except Exception as error:  # noqa: BLE001 - without it all would be taken away
                log.warning("leases_not_renewed", error=traced(error))
                wait = min(wait, _AGAIN_SECONDS)

    async def renew(self) -> None:
        """Renew the leases of what is in hand, once."""
        held = sorted(self._held)
        if held:
            async with self._database.connection() as db:
                await batches.renew(db, held, self._worker, self._lease_seconds)

    def _timed(self, phase: Phase) -> AbstractContextManager[object]:
        return self._metrics.delivery_phase.labels(phase).time()

    async def _claim(self, batch_id: BatchId) -> tuple[ClaimedBatch, Known] | None:
        """The batch with what is known of its touches; None if it is not to be had."""
        async with self._database.transaction() as tx:
            await self._fence.check(tx)
            batch = await batches.claim(tx, batch_id, self._worker, self._lease_seconds)
            return (batch, await self._screening.read(tx, batch)) if batch else None

    async def _send_as_allowed(
        self, batch: ClaimedBatch, ready: Sequence[Ready], outcome: Results
    ) -> None:
        """Send what may leave now, and for some seconds what may in a moment.

        A rate per second has room again sooner than a touch could be put
        back and staged anew.
        """
        until = self._clock.monotonic() + _PATIENCE_SECONDS
        while ready:
            with self._timed(Phase.LIMIT):
                patient = self._clock.monotonic() < until
                asked = await self._permits.ask(batch, ready, outcome, patient=patient)
            with self._timed(Phase.SEND):
                await self._send(batch, asked.granted, outcome)
            ready = asked.soon
            if asked.soonest is not None:
                wait = (asked.soonest - self._clock.running()).total_seconds()
                await asyncio.sleep(max(_SHORTEST_WAIT_SECONDS, wait))

    def _render(self, candidates: Sequence[Candidate], outcome: Results) -> Sequence[Ready]:
        ready = []
        for candidate in candidates:
            try:
                message = self._renderer.render(
                    RenderRequest(
                        touch=candidate.touch,
                        version_id=candidate.enrollment.version_id,
                        cadence=candidate.cadence,
                        profile=candidate.enrollment.profile,
                        account=candidate.account,
                        recipient=candidate.recipient,
                        thread=candidate.thread,
                        now=self._clock.now(),
                        crm_status=candidate.enrollment.state.crm_status,
                    )
                )
            except Exception as error:  # noqa: BLE001 - the rest of the batch goes on
                outcome.paused.append((candidate.touch, told(error)))
                continue
            ready.append((candidate, message))
        return ready

    async def _send(
        self,
        batch: ClaimedBatch,
        ready: Sequence[Ready],
        outcome: Results,
    ) -> None:
        async with asyncio.TaskGroup() as group:
            for candidate, message in ready:
                group.create_task(self._attempts.make(batch, candidate, message, outcome))

    async def _record(self, batch: ClaimedBatch, outcome: Results) -> None:
        """Commit, as often as it takes: what providers answered is known nowhere else."""
        await self._journal.finish(batch.batch_id)
        while True:
            try:
                async with self._database.transaction() as tx:
                    return await results.commit(tx, batch, outcome, self._course)
            except Exception as error:
                if not is_passing(error):
                    raise
                log.warning("commit_again", batch=batch.batch_id, error=type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)
