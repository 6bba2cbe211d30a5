"""Tries to send touches through the open senders, and says where that leaves each of them."""

from datetime import datetime

import structlog

from cadenza.abc import Limiter
from cadenza.clock import Clock
from cadenza.course.results import Results
from cadenza.errors import (
    AmbiguousSendError,
    ConfigurationError,
    PermanentSendError,
    SendError,
    SendWithheld,
    TransientSendError,
    traced,
)
from cadenza.model import Accepted, Event, EventType, Outbound, TouchRef, TouchStatus
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.due import DueTouch
from monitoring.metrics import SendResult, WorkerMetrics
from workers.attempt import WITHHELD_RETRY, Attempt, kept
from workers.candidate import Candidate
from workers.deferral import MOST_ATTEMPTS, backoff
from workers.journal import JournalWriter
from workers.sender_pool import SenderPool

log = structlog.get_logger(__name__)

_RESULTS = {
    TransientSendError: SendResult.TRANSIENT,
    PermanentSendError: SendResult.PERMANENT,
    AmbiguousSendError: SendResult.AMBIGUOUS,
    SendWithheld: SendResult.WITHHELD,
}


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
        attempt = Attempt(
            batch=batch,
            candidate=candidate,
            message=message,
            clock=self._clock,
            writer=self._journal,
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

    async def _send(self, candidate: Candidate, message: Outbound, attempt: Attempt) -> Accepted:
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

    def _withheld(self, attempt: Attempt, error: SendWithheld) -> DueTouch:
        candidate = attempt.candidate
        if error.code is not None:
            return candidate.later(attempt.retry_at or self._clock.now(), error.code)
        # A stop: the enrollment is not active and the touch is dropped when it
        # is put back. Or the journal was away: then it is tried again.
        return candidate.later(self._clock.now() + WITHHELD_RETRY, "withheld")

    def _unknown(self, attempt: Attempt, error: AmbiguousSendError, outcome: Results) -> None:
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
        self, attempt: Attempt, error: SendError | ConfigurationError, outcome: Results
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


def _told(candidate: Candidate, error: PermanentSendError, now: datetime) -> Event:
    """What the provider said of the recipient, as the event that a DSN or STOP would have been."""
    return Event(
        source=candidate.account.provider,
        external_id=f"touch:{candidate.touch.touch_id}",
        type=EventType.UNSUBSCRIBED if error.opted_out else EventType.BOUNCED,
        occurred_at=now,
        about=[TouchRef(touch_id=candidate.touch.touch_id)],
        data={"code": kept(error.code)},
    )
