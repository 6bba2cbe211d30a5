"""Settles batches whose worker is gone: nothing lost, nothing sent twice.

Their epoch is raised, so the old worker can neither begin nor commit
anything any more, and the journal tells how far each touch got:

| journal                         | then                                      |
|---------------------------------|-------------------------------------------|
| nothing                         | it surely did not leave: back to `due`    |
| begin                           | it may have left: `unknown`, not repeated |
| begin and answer                | what the provider answered                |
| lost with a crash of PostgreSQL | every touch is `unknown`                  |
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.course import results
from cadenza.course.course import Course
from cadenza.course.results import Results
from cadenza.errors import StaleLease, traced
from cadenza.model import TouchStatus
from cadenza.recipients import recipient_of
from cadenza.storage import batches, enrollments, journal, ledger, quotas
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.database import Connection, Database, is_passing
from cadenza.storage.due import DueTouch
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.journal import Trace

log = structlog.get_logger(__name__)

WORKER_LOST = "worker_lost"


async def settle_expired(
    database: Database, *, course: Course, catalog: Catalog, clock: Clock, most: int = 32
) -> Sequence[bool]:
    """Settle batches whose lease has passed; for each, whether its journal was lost.

    One that cannot be settled is left: it is tried again when the lease
    under which it was taken over has passed.
    """
    lost: list[bool] = []
    async with database.transaction() as tx:
        sealed = await batches.seal_expired(tx, most)
    for batch in sealed:
        try:
            async with database.transaction() as tx:
                journal_lost = batch.generation != await journal.current_generation(tx)
                outcome = await _reconstruct(
                    tx, batch, clock, catalog=catalog, journal_lost=journal_lost
                )
                await results.commit(tx, batch, outcome, course)
            lost.append(journal_lost)
        except StaleLease:
            log.warning("batch_taken_over", batch=batch.batch_id)
        except Exception as error:
            if is_passing(error):
                raise
            log.error("batch_cannot_be_settled", batch=batch.batch_id, error=traced(error))
    return lost


async def _reconstruct(
    tx: Connection, batch: ClaimedBatch, clock: Clock, *, catalog: Catalog, journal_lost: bool
) -> Results:
    """Results as the journal shows them."""
    traces = await journal.read(tx, batch.batch_id)
    if journal_lost:
        lost = Trace(began_at=None, expected_id=None)
        traces = {t.touch_id: traces.get(t.touch_id, lost) for t in batch.touches}
    known = await enrollments.load(tx, [t.enrollment_id for t in batch.touches])
    await catalog.load(tx, {e.version_id for e in known.values()})
    outcome = Results()
    for touch in batch.touches:
        trace = traces.get(touch.touch_id)
        if trace is None or (trace.answer or {}).get("status") == "not_sent":
            later = max(touch.due_at, clock.now())
            outcome.back.append(replace(touch, due_at=later, reason=WORKER_LOST))
        else:
            entry = _entry(touch, trace, known[touch.enrollment_id], catalog)
            cost = quotas.cost_of(batch.reserved, touch.touch_id)
            outcome.entries.append(replace(entry, segments=cost))
    return outcome


def _entry(touch: DueTouch, trace: Trace, enrollment: Enrollment, catalog: Catalog) -> ledger.Entry:
    answer = trace.answer or {}
    cadence = catalog[enrollment.version_id]
    recipient = recipient_of(cadence, touch.step, touch.channel, enrollment.profile)
    return ledger.Entry(
        touch=replace(touch, account=trace.account or touch.account or ""),
        prospect_id=enrollment.profile.prospect_id,
        cadence_id=enrollment.cadence_id,
        version_id=enrollment.version_id,
        recipient=recipient.address if recipient else "",
        party=recipient.party if recipient else None,
        status=TouchStatus(answer.get("status", TouchStatus.UNKNOWN)),
        code=answer.get("code"),
        provider_id=answer.get("provider_id") or trace.expected_id,
        thread_id=answer.get("thread_id"),
        began_at=trace.began_at,
    )
