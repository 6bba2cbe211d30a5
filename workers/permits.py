"""Permits: may this touch leave now, under every rate and every cap?

Rates are asked first, once for the whole batch, because a refused one
costs nothing; then places under the caps are taken, durably. A cap that
is seen to be full before is not asked for a rate: a permit that nobody
uses is a gap in which nobody sends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cadenza.abc import Draw, Limiter
from cadenza.clock import Clock
from cadenza.course.results import Results
from cadenza.errors import LimiterUnavailable
from cadenza.limits import LimitRules
from cadenza.model import Grant, Outbound, OutboundSms
from cadenza.pacing.caps import Cap
from cadenza.pacing.draws import draw_of
from cadenza.sms.segments import count_segments
from cadenza.storage import quotas
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.database import Database, is_passing
from monitoring.metrics import WorkerMetrics
from workers.candidate import Candidate

RETRY = timedelta(seconds=30)
# Who has room again so soon waits in the batch: to be put back and staged anew takes longer.
_SOON = timedelta(seconds=10)

Ready = tuple[Candidate, Outbound]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """granted: may leave now. soon: have room again at `soonest`, within seconds."""

    granted: Sequence[Ready] = ()
    soon: Sequence[Ready] = ()
    soonest: datetime | None = None


class Permits:
    """Asks for the touches of batches."""

    def __init__(
        self,
        *,
        database: Database,
        limiter: Limiter,
        rules: LimitRules,
        clock: Clock,
        metrics: WorkerMetrics,
    ) -> None:
        self._database = database
        self._limiter = limiter
        self._rules = rules
        self._clock = clock
        self._metrics = metrics
        # Caps that refused somebody, and until when.
        self._refusing: dict[str, datetime] = {}

    async def ask(
        self, batch: ClaimedBatch, ready: Sequence[Ready], outcome: Results, *, patient: bool
    ) -> Asked:
        """Ask for all of them; whoever has to wait is put off with the rule that says so.

        patient: those that have room again within seconds are not put off.
        """
        drawn = [(c if c.draw else self._drawn(c, message), message) for c, message in ready]
        fitting = [one for one in drawn if self._can_ever_fit(one[0], outcome)]
        open_ones = await self._without_full(fitting, outcome)
        if not open_ones:
            return Asked()
        try:
            with self._metrics.limiter_latency.time():
                grants = await self._limiter.acquire([c.quotas for c, _ in open_ones])
        except LimiterUnavailable:
            until = self._clock.now() + RETRY
            outcome.back += [c.later(until, "limiter_unavailable") for c, _ in open_ones]
            return Asked()
        # For rates the limiter's time does not stand still in a time-lapse; for gaps it
        # does, and waiting for one of them there would never end.
        now, stands = self._clock.running(), self._clock.standing() is not None
        granted: list[Ready] = []
        soon: list[Ready] = []
        soonest: datetime | None = None
        for (candidate, message), grant in zip(open_ones, grants, strict=True):
            until = grant.retry_at or now + RETRY
            if grant.granted:
                granted.append((candidate, message))
            elif patient and until - now <= _SOON and not (stands and _is_gap(candidate, grant)):
                soon.append((candidate, message))
                soonest = min(until, soonest or until)
            else:
                outcome.back.append(candidate.later(until, grant.reason or "limiter_unavailable"))
        return Asked(
            granted=await self._reserve(batch, granted, outcome), soon=soon, soonest=soonest
        )

    def _drawn(self, candidate: Candidate, message: Outbound) -> Candidate:
        draw = draw_of(
            candidate.account,
            candidate.cadence.steps.get(candidate.touch.step),
            address=candidate.recipient.address,
            company=candidate.enrollment.company,
        )
        if isinstance(message, OutboundSms):
            draw = replace(draw, segments=count_segments(message.body))
        return replace(candidate, draw=draw, quotas=self._rules.quotas(draw))

    def _can_ever_fit(self, candidate: Candidate, outcome: Results) -> bool:
        """Whether no cap is smaller than the text alone; else a person must look."""
        segments = candidate.draw.segments if candidate.draw else 1
        if segments == 1:
            return True
        cap = next((cap for cap in self._caps(candidate) if cap.at_most < segments), None)
        if cap is not None:
            reason = (
                f"its text has {segments} segments, and {cap.reason} never has room for more than "
                f"{cap.at_most}: shorten the text, or raise the limit"
            )
            outcome.paused.append((candidate.touch, reason))
        return cap is None

    def _caps(self, candidate: Candidate) -> Sequence[Cap]:
        return self._rules.caps(candidate.draw or Draw(account=candidate.account))

    async def _without_full(self, ready: Sequence[Ready], outcome: Results) -> Sequence[Ready]:
        """Leave out whom a cap that several accounts share has no room for.

        Only those are looked at that refused somebody in their present window.
        """
        now = self._clock.now()
        self._refusing = {key: until for key, until in self._refusing.items() if until > now}
        if not self._refusing:
            return ready
        shared = {
            cap.key: cap
            for candidate, _ in ready
            for cap in self._caps(candidate)
            if cap.key in self._refusing
        }
        if not shared:
            return ready
        try:
            async with self._database.connection() as db:
                full = await quotas.full(db, shared.values(), now)
        except Exception as error:
            if not is_passing(error):
                raise
            return ready  # whoever takes places will see
        kept: list[Ready] = []
        for candidate, message in ready:
            cap = next((cap for cap in self._caps(candidate) if cap.key in full), None)
            if cap is None:
                kept.append((candidate, message))
            else:
                outcome.back.append(candidate.later(cap.window.bucket(now)[1], cap.reason))
        return kept

    async def _reserve(
        self, batch: ClaimedBatch, ready: Sequence[Ready], outcome: Results
    ) -> Sequence[Ready]:
        """Take places under the caps; what finds none waits for a window that has one."""
        wanted = [(c.touch.touch_id, self._caps(c)) for c, _ in ready]
        costs = {c.touch.touch_id: c.draw.segments for c, _ in ready if c.draw}
        if not any(caps for _, caps in wanted):
            return ready
        now = self._clock.now()
        try:
            async with self._database.transaction() as tx:
                taken = await quotas.take(tx, batch, wanted, now, costs=costs)
        except Exception as error:
            if not is_passing(error):
                raise
            # What left before must be recorded: the batch goes on without these.
            outcome.back += [c.later(now + RETRY, "withheld") for c, _ in ready]
            return ()
        kept: list[Ready] = []
        for candidate, message in ready:
            refusal = taken.refused.get(candidate.touch.touch_id)
            if refusal is None:
                ends = taken.ends[candidate.touch.touch_id]
                kept.append((replace(candidate, ends=ends), message))
            else:
                outcome.back.append(candidate.later(refusal.retry_at, refusal.reason))
                self._note(candidate, refusal.key, now)
        return kept

    def _note(self, candidate: Candidate, key: str, now: datetime) -> None:
        cap = next((cap for cap in self._caps(candidate) if cap.key == key), None)
        if cap is not None and not cap.is_own:
            self._refusing[key] = cap.window.bucket(now)[1]


def _is_gap(candidate: Candidate, grant: Grant) -> bool:
    return any(quota.at_begin and quota.reason == grant.reason for quota in candidate.quotas)
