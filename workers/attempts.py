"""One attempt to send one touch, and where it leaves the touch."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from cadenza.abc import Draw, Limiter, Quota
from cadenza.accounts import SenderAccount
from cadenza.calendars import WorkCalendar
from cadenza.clock import Clock
from cadenza.course.results import Results
from cadenza.errors import (
    AmbiguousSendError,
    ConfigurationError,
    LimiterUnavailable,
    PermanentSendError,
    SendError,
    SendWithheld,
    TransientSendError,
    traced,
)
from cadenza.language.cadence import Cadence
from cadenza.model import (
    Accepted,
    Event,
    EventType,
    Outbound,
    OutboundEmail,
    Planned,
    TouchRef,
    TouchStatus,
)
from cadenza.planner import place_again
from cadenza.recipients import Recipient
from cadenza.storage import ledger
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.due import DueTouch
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.journal import Attempt
from monitoring.metrics import SendResult, WorkerMetrics
from workers.deferral import MOST_ATTEMPTS, backoff, moved_to, put_off
from workers.journal import JournalWriter
from workers.sender_pool import SenderPool

log = structlog.get_logger(__name__)

_WITHHELD_RETRY = timedelta(seconds=30)
# PostgreSQL takes neither NUL nor lone surrogates, and indexes a third of a page at most.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_LONGEST_NAME = 500
_RESULTS = {
    TransientSendError: SendResult.TRANSIENT,
    PermanentSendError: SendResult.PERMANENT,
    AmbiguousSendError: SendResult.AMBIGUOUS,
    SendWithheld: SendResult.WITHHELD,
}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A touch of a batch with everything that is known about it.

    keys: suppression keys of its real recipient. thread: (step, Message-ID)
    of the mails before it, oldest first. draw, quotas: what limits look at,
    and the rates that it drew on. ends: when the window is over under whose
    cap it has a place, and the rule behind that. calendar: the one that its
    prospect lives by.
    """

    touch: DueTouch
    enrollment: Enrollment
    cadence: Cadence
    account: SenderAccount
    recipient: Recipient
    keys: Sequence[str] = ()
    thread: Sequence[tuple[str, str]] = ()
    draw: Draw | None = None
    quotas: Sequence[Quota] = ()
    ends: tuple[datetime, str] | None = None
    calendar: WorkCalendar | None = None

    def too_late(self, at: datetime) -> str | None:
        """Why it must not begin at `at` any more."""
        if self.touch.window_end is not None and at >= self.touch.window_end:
            return "window"
        if self.ends is not None and at >= self.ends[0]:
            return self.ends[1]
        return None

    def later(self, until: datetime, reason: str, *, tried: bool = False) -> DueTouch:
        """The touch put off, in its window. tried: it counts as an attempt."""
        return put_off(self.touch, until, reason, again=self._again, tried=tried)

    def anew(self, until: datetime, reason: str) -> DueTouch:
        """The touch placed as if its time had only come at `until`."""
        return moved_to(self.touch, self._again(until, at_once=False), reason)

    def _again(self, until: datetime, *, at_once: bool = True) -> Planned:
        return place_again(
            self.cadence,
            self.enrollment.state,
            self.enrollment.profile,
            until,
            step=self.touch.step,
            calendar=self.calendar,
            within=self.account.window,
            at_once=at_once,
        )


@dataclass
class _Attempt:
    """The state of one attempt.

    began_at: set once the journal let it through. repeatable: the provider
    knows a touch that comes twice, so one of unknown fate may go again.
    retry_at: when it may begin, if a gap was not over yet.
    """

    batch: ClaimedBatch
    candidate: Candidate
    message: Outbound
    clock: Clock
    journal: JournalWriter
    limiter: Limiter
    began_at: datetime | None = field(default=None)
    repeatable: bool = field(default=False)
    retry_at: datetime | None = field(default=None)

    @property
    def expected_id(self) -> str | None:
        """What the provider will call it where we choose the name."""
        return self.message.message_id if isinstance(self.message, OutboundEmail) else None

    async def begin(self) -> None:
        """What the sender awaits just before the body goes out."""
        at = self.clock.now()
        touch, recipient = self.candidate.touch, self.candidate.recipient
        reason = self.candidate.too_late(at)
        if reason is not None:
            raise SendWithheld("its time is over", code=reason)
        await self._keep_gap()
        await self.journal.begin(
            Attempt(
                batch_id=self.batch.batch_id,
                epoch=self.batch.epoch,
                touch_id=touch.touch_id,
                enrollment_id=touch.enrollment_id,
                step=touch.step,
                visit=touch.visit,
                keys=self.candidate.keys,
                at=at,
                expected_id=self.expected_id,
                account=touch.account,
                forbidden=self.candidate.enrollment.forbidden,
                party=recipient.party,
                recipient=recipient.address if recipient.party else None,
            )
        )
        self.began_at = at

    async def _keep_gap(self) -> None:
        """Raises SendWithheld if too little time has passed since the touch before it began."""
        try:
            grant = await self.limiter.begin(self.candidate.quotas)
        except LimiterUnavailable as error:
            self.retry_at = self.clock.now() + _WITHHELD_RETRY
            raise SendWithheld("no limiter", code="limiter_unavailable") from error
        if not grant.granted:
            self.retry_at = grant.retry_at
            raise SendWithheld("too soon after the one before", code=grant.reason)

    def answered(
        self, status: str, *, code: str | None = None, accepted: Accepted | None = None
    ) -> None:
        """Note in the journal what the provider said, if the body had begun to leave."""
        if self.began_at is not None:
            self.journal.answer(
                self.batch.batch_id,
                self.batch.epoch,
                self.candidate.touch.touch_id,
                self.clock.now(),
                {
                    "status": status,
                    "code": _kept(code),
                    "provider_id": _kept(accepted.provider_id) if accepted else None,
                    "thread_id": _kept(accepted.thread_id) if accepted else None,
                },
            )

    def entry(
        self,
        status: TouchStatus,
        *,
        code: str | None = None,
        provider_id: str | None = None,
        thread_id: str | None = None,
    ) -> ledger.Entry:
        """The row for the ledger."""
        enrollment = self.candidate.enrollment
        return ledger.Entry(
            touch=self.candidate.touch,
            prospect_id=enrollment.profile.prospect_id,
            cadence_id=enrollment.cadence_id,
            version_id=enrollment.version_id,
            recipient=self.candidate.recipient.address,
            party=self.candidate.recipient.party,
            status=status,
            code=_kept(code),
            provider_id=_kept(provider_id),
            thread_id=_kept(thread_id),
            began_at=self.began_at,
        )


class Attempts:
    """Makes attempts through the open senders of this process."""

    def __init__(
        self,
        senders: SenderPool,
        journal: JournalWriter,
        limiter: Limiter,
        clock: Clock,
        metrics: WorkerMetrics,
    ) -> None:
        self._senders = senders
        self._journal = journal
        self._limiter = limiter
        self._clock = clock
        self._metrics = metrics

    async def make(
        self, batch: ClaimedBatch, candidate: Candidate, message: Outbound, outcome: Results
    ) -> None:
        """Try to send `message` and add what came of it to `outcome`."""
        attempt = _Attempt(
            batch=batch,
            candidate=candidate,
            message=message,
            clock=self._clock,
            journal=self._journal,
            limiter=self._limiter,
        )
        try:
            accepted = await self._send(candidate, message, attempt)
        except SendWithheld as error:
            outcome.back.append(self._withheld(attempt, error))
        except PermanentSendError as error:
            attempt.answered("failed", code=error.code)
            outcome.entries.append(attempt.entry(TouchStatus.FAILED, code=error.code))
            if error.recipient_invalid or error.opted_out:
                outcome.bounces.append(_told(candidate, error, self._clock.now()))
        except AmbiguousSendError as error:
            self._unknown(attempt, error, outcome)
        except (TransientSendError, ConfigurationError) as error:
            self._try_again(attempt, error, outcome)
        except Exception as error:  # noqa: BLE001 - the rest of the batch must not suffer for it
            log.error("send_failed", provider=candidate.account.provider, error=traced(error))
            if attempt.began_at is None:
                self._try_again(attempt, TransientSendError("failed", code="error"), outcome)
            else:
                outcome.entries.append(
                    attempt.entry(
                        TouchStatus.UNKNOWN, code="error", provider_id=attempt.expected_id
                    )
                )
        else:
            attempt.answered("sent", accepted=accepted)
            outcome.entries.append(
                attempt.entry(
                    TouchStatus.SENT,
                    provider_id=accepted.provider_id,
                    thread_id=accepted.thread_id,
                )
            )

    async def _send(self, candidate: Candidate, message: Outbound, attempt: _Attempt) -> Accepted:
        """One call of the sender, measured."""
        channel, provider = candidate.account.channel, candidate.account.provider
        sender = await self._senders.sender_for(candidate.account)
        attempt.repeatable = sender.features.idempotent
        result = SendResult.AMBIGUOUS
        try:
            with self._metrics.send.labels(channel, provider).time():
                accepted = await sender.send(message, attempt.begin)
            result = SendResult.ACCEPTED
        except SendError as error:
            result = _RESULTS.get(type(error), SendResult.AMBIGUOUS)
            raise
        finally:
            self._metrics.send_results.labels(channel, provider, result).inc()
            if attempt.began_at is not None:
                lag = attempt.began_at - candidate.touch.planned_at
                self._metrics.touch_lag.labels(channel).observe(max(0.0, lag.total_seconds()))
        return accepted

    def _withheld(self, attempt: _Attempt, error: SendWithheld) -> DueTouch:
        candidate = attempt.candidate
        if error.code is not None:
            return candidate.later(attempt.retry_at or self._clock.now(), error.code)
        # A stop: the enrollment is not active and the touch is dropped when it
        # is put back. Or the journal was away: then it is tried again.
        return candidate.later(self._clock.now() + _WITHHELD_RETRY, "withheld")

    def _unknown(self, attempt: _Attempt, error: AmbiguousSendError, outcome: Results) -> None:
        """Its fate is not known: it stays so, unless to say it again is to say it once."""
        touch = attempt.candidate.touch
        if attempt.repeatable and touch.attempts + 1 < MOST_ATTEMPTS:
            until = self._clock.now() + backoff(touch.attempts)
            outcome.back.append(attempt.candidate.later(until, "provider_deferred", tried=True))
            return
        outcome.entries.append(
            attempt.entry(TouchStatus.UNKNOWN, code=error.code, provider_id=attempt.expected_id)
        )

    def _try_again(
        self, attempt: _Attempt, error: SendError | ConfigurationError, outcome: Results
    ) -> None:
        touch = attempt.candidate.touch
        code = error.code if isinstance(error, SendError) else "configuration"
        attempt.answered("not_sent", code=code)
        if touch.attempts + 1 >= MOST_ATTEMPTS:
            outcome.entries.append(attempt.entry(TouchStatus.FAILED, code=code))
            return
        asked = error.retry_after if isinstance(error, TransientSendError) else None
        until = self._clock.now() + (asked or backoff(touch.attempts))
        outcome.back.append(attempt.candidate.later(until, "provider_deferred", tried=True))


def _kept(name: str | None) -> str | None:
    """What a provider calls something, so that it can be stored and indexed whatever it is."""
    return name if name is None else _UNSTORABLE.sub("", name)[:_LONGEST_NAME]


def _told(candidate: Candidate, error: PermanentSendError, now: datetime) -> Event:
    """What the provider said of the recipient, as the event that a DSN or STOP would have been."""
    return Event(
        source=candidate.account.provider,
        external_id=f"touch:{candidate.touch.touch_id}",
        type=EventType.UNSUBSCRIBED if error.opted_out else EventType.BOUNCED,
        occurred_at=now,
        about=[TouchRef(touch_id=candidate.touch.touch_id)],
        data={"code": _kept(error.code)},
    )
