"""One attempt to send one touch: how it begins, what was answered, and its row for the ledger."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cadenza.abc import Limiter
from cadenza.clock import Clock
from cadenza.errors import LimiterUnavailable, SendWithheld
from cadenza.model import Accepted, Outbound, OutboundEmail, TouchStatus
from cadenza.storage import journal, ledger
from cadenza.storage.batches import ClaimedBatch
from workers.candidate import Candidate
from workers.journal import JournalWriter

WITHHELD_RETRY = timedelta(seconds=30)

# PostgreSQL takes neither NUL nor lone surrogates, and indexes a third of a page at most.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_LONGEST_NAME = 500


@dataclass
class Attempt:
    """The state of one attempt.

    began_at: set once the journal let it through. repeatable: the provider
    knows a touch that comes twice, so one of unknown fate may go again.
    retry_at: when it may begin, if a gap was not over yet.
    """

    batch: ClaimedBatch
    candidate: Candidate
    message: Outbound
    clock: Clock
    writer: JournalWriter
    limiter: Limiter
    began_at: datetime | None = field(default=None)
    repeatable: bool = field(default=False)
    retry_at: datetime | None = field(default=None)

    @property
    def expected_id(self) -> str | None:
        """What the provider will call it where we choose the name."""
        return self.message.message_id if isinstance(self.message, OutboundEmail) else None

    @property
    def segments(self) -> int:
        """Of a text; 1 for everything else."""
        return self.candidate.draw.segments if self.candidate.draw else 1

    async def begin(self) -> None:
        """What the sender awaits just before the body goes out."""
        at = self.clock.now()
        touch, recipient = self.candidate.touch, self.candidate.recipient
        reason = self.candidate.too_late(at)
        if reason is not None:
            raise SendWithheld("its time is over", code=reason)
        await self._keep_gap()
        await self.writer.begin(
            journal.Attempt(
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
                segments=self.segments,
            )
        )
        self.began_at = at

    async def _keep_gap(self) -> None:
        """Raises SendWithheld if too little time has passed since the touch before it began."""
        try:
            grant = await self.limiter.begin(self.candidate.quotas)
        except LimiterUnavailable as error:
            self.retry_at = self.clock.now() + WITHHELD_RETRY
            raise SendWithheld("no limiter", code="limiter_unavailable") from error
        if not grant.granted:
            self.retry_at = grant.retry_at
            raise SendWithheld("too soon after the one before", code=grant.reason)

    def answered(
        self, status: str, *, code: str | None = None, accepted: Accepted | None = None
    ) -> None:
        """Note in the journal what the provider said, if the body had begun to leave."""
        if self.began_at is not None:
            self.writer.answer(
                self.batch.batch_id,
                self.batch.epoch,
                self.candidate.touch.touch_id,
                self.clock.now(),
                {
                    "status": status,
                    "code": kept(code),
                    "provider_id": kept(accepted.provider_id) if accepted else None,
                    "thread_id": kept(accepted.thread_id) if accepted else None,
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
            code=kept(code),
            provider_id=kept(provider_id),
            thread_id=kept(thread_id),
            began_at=self.began_at,
            segments=self.segments,
        )


def kept(name: str | None) -> str | None:
    """What a provider calls something, so that it can be stored and indexed whatever it is."""
    return name if name is None else _UNSTORABLE.sub("", name)[:_LONGEST_NAME]
