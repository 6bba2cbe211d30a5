"""Delivery: the way of a batch, from its claim to its results.

claim → screen → limit → reserve → render → send → record. Whatever goes
wrong on the way, each touch ends in exactly one place: the ledger, `due`
with a reason, or nowhere because nobody wants it any more.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import structlog

from cadenza import results
from cadenza.abc import Limiter, LimitRule
from cadenza.accounts import Accounts
from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.course import Course
from cadenza.errors import LimiterUnavailable, RenderError, StaleLease, traced
from cadenza.model import BatchId, EnrollmentId, EnrollmentStatus, Outbound
from cadenza.results import Results
from cadenza.steps.email import EmailStep
from cadenza.storage import batches, enrollments, ledger, suppressions
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.database import Database, is_passing
from cadenza.storage.due import DueTouch
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.prospects import address_on
from cadenza.timespec import day_of, next_day
from monitoring.metrics import Phase, WorkerMetrics
from workers.attempts import Attempts, Candidate
from workers.journal import JournalWriter
from workers.render import Renderer, RenderRequest

log = structlog.get_logger(__name__)

_RETRY = timedelta(seconds=30)
_SHORT_WAIT = timedelta(seconds=1)
_AGAIN_SECONDS = 0.2


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
        rules: Sequence[LimitRule],
        attempts: Attempts,
        journal_writer: JournalWriter,
        renderer: Renderer,
        clock: Clock,
        lease_seconds: float,
        metrics: WorkerMetrics,
    ) -> None:
        self._worker = worker
        self._database = database
        self._course = course
        self._catalog = catalog
        self._accounts = accounts
        self._limiter = limiter
        self._rules = rules
        self._attempts = attempts
        self._journal = journal_writer
        self._renderer = renderer
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._metrics = metrics
        self._held: set[BatchId] = set()

    async def deliver(self, batch_id: BatchId) -> None:
        """Deliver one batch, unless somebody else has it or had it."""
        outcome = Results()
        with self._timed(Phase.CLAIM):
            claimed = await self._claim(batch_id, outcome)
        if claimed is None:
            return
        batch, candidates = claimed
        self._metrics.batch_size.observe(len(batch.touches))
        self._held.add(batch_id)
        try:
            while candidates:
                with self._timed(Phase.LIMIT):
                    granted, candidates = await self._limit(candidates, outcome)
                    granted = await self._reserve(batch, granted, outcome)
                with self._timed(Phase.RENDER):
                    ready = self._render(granted, outcome)
                with self._timed(Phase.SEND):
                    await self._send(batch, ready, outcome)
                if candidates:
                    await asyncio.sleep(_SHORT_WAIT.total_seconds() / 10)
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

    async def _claim(
        self, batch_id: BatchId, outcome: Results
    ) -> tuple[ClaimedBatch, Sequence[Candidate]] | None:
        async with self._database.transaction() as tx:
            batch = await batches.claim(tx, batch_id, self._worker, self._lease_seconds)
            if batch is None:
                return None
            known = await enrollments.load(tx, [t.enrollment_id for t in batch.touches])
            await self._catalog.load(tx, {e.version_id for e in known.values()})
            keys = {
                t.touch_id: suppressions.keys_for(t.channel, known[t.enrollment_id].profile)
                for t in batch.touches
            }
            forbidden = await suppressions.among(tx, [k for some in keys.values() for k in some])
            replying = [t.enrollment_id for t in batch.touches if _replies(t, known, self._catalog)]
            threads = await ledger.thread(tx, replying) if replying else {}
        candidates = []
        for touch in batch.touches:
            allowed = forbidden.isdisjoint(keys[touch.touch_id])
            try:
                candidate = self._screen(
                    touch, known[touch.enrollment_id], outcome, allowed=allowed
                )
            except Exception as error:  # noqa: BLE001 - the rest of the batch goes on
                outcome.paused.append((touch, _told(error)))
                continue
            if candidate is not None:
                thread = threads.get(touch.enrollment_id, ())
                candidates.append(replace(candidate, keys=keys[touch.touch_id], thread=thread))
        return batch, candidates

    def _screen(
        self, touch: DueTouch, enrollment: Enrollment, outcome: Results, *, allowed: bool
    ) -> Candidate | None:
        """Sort out what need not be tried. The journal checks the same again, for certain."""
        state = enrollment.state
        stands_at = (state.status, state.step, state.visit)
        if stands_at != (EnrollmentStatus.ACTIVE, touch.step, touch.visit):
            return None
        recipient = address_on(touch.channel, enrollment.profile)
        if recipient is None or not allowed:
            outcome.skipped.append((touch, enrollment.version_id))
            return None
        cadence = self._catalog[enrollment.version_id]
        account = self._accounts.account_by_id.get(touch.account or "") or self._accounts.choose(
            touch.channel, cadence.groups.get(touch.channel, "default"), enrollment.profile
        )
        if account is None:
            outcome.paused.append((touch, "no_sender_account"))
            return None
        candidate = Candidate(
            touch=replace(touch, account=account.id),
            enrollment=enrollment,
            cadence=cadence,
            account=account,
            recipient=recipient,
        )
        now = self._clock.now()
        if touch.window_end is not None and now >= touch.window_end:
            outcome.back.append(candidate.later(now, "window"))
            return None
        return candidate

    async def _limit(
        self, candidates: Sequence[Candidate], outcome: Results
    ) -> tuple[Sequence[Candidate], Sequence[Candidate]]:
        """Ask once for all. Returns who may go now, and who may in a moment.

        A rate per second has room again sooner than a touch could be put
        back and staged anew; whoever has to wait longer is put off.
        """
        requests = [
            [quota for rule in self._rules for quota in rule.quotas(c.account)] for c in candidates
        ]
        try:
            with self._metrics.limiter_latency.time():
                grants = await self._limiter.acquire(requests)
        except LimiterUnavailable:
            until = self._clock.now() + _RETRY
            outcome.back += [c.later(until, "limiter_unavailable") for c in candidates]
            return (), ()
        granted, soon = [], []
        now = self._clock.now()
        for candidate, grant in zip(candidates, grants, strict=True):
            if grant.granted:
                granted.append(candidate)
            elif grant.retry_at is not None and grant.retry_at - now <= _SHORT_WAIT:
                soon.append(candidate)
            else:
                until = grant.retry_at or now + _RETRY
                outcome.back.append(candidate.later(until, grant.reason or "limiter"))
        return granted, soon

    async def _reserve(
        self, batch: ClaimedBatch, candidates: Sequence[Candidate], outcome: Results
    ) -> Sequence[Candidate]:
        """Take capacity of the accounts' days; what finds none waits for the next day."""
        if not candidates:
            return candidates
        zone = self._accounts.organisation.time_zone
        now = self._clock.now()
        today = day_of(now, zone)
        by_account: dict[str, list[Candidate]] = defaultdict(list)
        for candidate in candidates:
            by_account[candidate.account.id].append(candidate)
        wanted = {
            account: (today, len(some), some[0].account.limits.per_day)
            for account, some in by_account.items()
        }
        try:
            async with self._database.transaction() as tx:
                granted = await batches.reserve(tx, batch, wanted)
        except Exception as error:
            if not is_passing(error):
                raise
            # What left before must be recorded: the batch goes on without these.
            outcome.back += [c.later(now + _RETRY, "withheld") for c in candidates]
            return ()
        kept, tomorrow = [], next_day(now, zone)
        for account, some in by_account.items():
            kept += [replace(c, day_ends=tomorrow) for c in some[: granted[account]]]
            outcome.back += [c.later(tomorrow, "account_per_day") for c in some[granted[account] :]]
        return kept

    def _render(
        self, candidates: Sequence[Candidate], outcome: Results
    ) -> Sequence[tuple[Candidate, Outbound]]:
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
                    )
                )
            except Exception as error:  # noqa: BLE001 - the rest of the batch goes on
                outcome.paused.append((candidate.touch, _told(error)))
                continue
            ready.append((candidate, message))
        return ready

    async def _send(
        self,
        batch: ClaimedBatch,
        ready: Sequence[tuple[Candidate, Outbound]],
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
                    return await results.commit(
                        tx,
                        batch,
                        outcome,
                        course=self._course,
                        catalog=self._catalog,
                        clock=self._clock,
                    )
            except Exception as error:
                if not is_passing(error):
                    raise
                log.warning("commit_again", batch=batch.batch_id, error=type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)


def _told(error: Exception) -> str:
    """Why an enrollment is paused whose touch cannot be made, for a person to read."""
    if isinstance(error, RenderError):
        return str(error)
    log.error("touch_held", error=traced(error))
    return f"cannot be delivered: {type(error).__name__}"


def _replies(touch: DueTouch, known: Mapping[EnrollmentId, Enrollment], catalog: Catalog) -> bool:
    step = catalog[known[touch.enrollment_id].version_id].steps[touch.step]
    return isinstance(step, EmailStep) and step.thread_with is not None
