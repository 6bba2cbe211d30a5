"""One attempt to send one touch, and where it leaves the touch."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from cadenza.accounts import SenderAccount
from cadenza.clock import Clock
from cadenza.errors import (
    AmbiguousSendError,
    ConfigurationError,
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
    TouchRef,
    TouchStatus,
)
from cadenza.results import Results
from cadenza.storage import ledger
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.due import DueTouch
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.journal import Attempt
from monitoring.metrics import SendResult, WorkerMetrics
from workers.deferral import MOST_ATTEMPTS, backoff, put_off
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

    keys: suppression keys of its recipient. thread: (step, Message-ID) of
    the mails before it, oldest first. day_ends: when the day is over whose
    capacity it has taken.
    """

    touch: DueTouch
    enrollment: Enrollment
    cadence: Cadence
    account: SenderAccount
    recipient: str
    keys: Sequence[str] = ()
    thread: Sequence[tuple[str, str]] = ()
    day_ends: datetime | None = None

    def too_late(self, at: datetime) -> str | None:
        """Why it must not begin at `at` any more."""
        if self.touch.window_end is not None and at >= self.touch.window_end:
            return "window"
        if self.day_ends is not None and at >= self.day_ends:
            return "account_per_day"
        return None

    def later(self, until: datetime, reason: str, *, tried: bool = False) -> DueTouch:
        """The touch put off, in its window. tried: it counts as an attempt."""
        return put_off(
            self.touch,
            until,
            reason,
            cadence=self.cadence,
            state=self.enrollment.state,
            profile=self.enrollment.profile,
            tried=tried,
        )


@dataclass
class _Attempt:
    """The state of one attempt: began_at is set once the journal let it through."""

    batch: ClaimedBatch
    candidate: Candidate
    message: Outbound
    clock: Clock
    journal: JournalWriter
    began_at: datetime | None = field(default=None)

    @property
    def expected_id(self) -> str | None:
        """What the provider will call it where we choose the name."""
        return self.message.message_id if isinstance(self.message, OutboundEmail) else None

    async def begin(self) -> None:
        """What the sender awaits just before the body goes out."""
        at = self.clock.now()
        touch = self.candidate.touch
        reason = self.candidate.too_late(at)
        if reason is not None:
            raise SendWithheld("its time is over", code=reason)
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
            )
        )
        self.began_at = at

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
            recipient=self.candidate.recipient,
            status=status,
            code=_kept(code),
            provider_id=_kept(provider_id),
            thread_id=_kept(thread_id),
            began_at=self.began_at,
        )


class Attempts:
    """Makes attempts through the open senders of this process."""

    def __init__(
        self, senders: SenderPool, journal: JournalWriter, clock: Clock, metrics: WorkerMetrics
    ) -> None:
        self._senders = senders
        self._journal = journal
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
        )
        try:
            accepted = await self._send(candidate, message, attempt)
        except SendWithheld as error:
            outcome.back.append(self._withheld(candidate, error))
        except PermanentSendError as error:
            attempt.answered("failed", code=error.code)
            outcome.entries.append(attempt.entry(TouchStatus.FAILED, code=error.code))
            if error.recipient_invalid:
                outcome.bounces.append(_bounce(candidate, error, self._clock.now()))
        except AmbiguousSendError as error:
            outcome.entries.append(
                attempt.entry(TouchStatus.UNKNOWN, code=error.code, provider_id=attempt.expected_id)
            )
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

    def _withheld(self, candidate: Candidate, error: SendWithheld) -> DueTouch:
        if error.code is not None:
            return candidate.later(self._clock.now(), error.code)
        # A stop: the enrollment is not active and the touch is dropped when it
        # is put back. Or the journal was away: then it is tried again.
        return candidate.later(self._clock.now() + _WITHHELD_RETRY, "withheld")

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


def _bounce(candidate: Candidate, error: PermanentSendError, now: datetime) -> Event:
    """What the provider said of an invalid recipient, as the event that a DSN would have been."""
    return Event(
        source=candidate.account.provider,
        external_id=f"touch:{candidate.touch.touch_id}",
        type=EventType.BOUNCED,
        occurred_at=now,
        about=[TouchRef(touch_id=candidate.touch.touch_id)],
        data={"code": _kept(error.code)},
    )
