"""Screening: which touches of a claimed batch are to be tried, for whom, and from which account.

Everything is read once for the whole batch. The journal checks the same
again for each touch as it begins, for certain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

import structlog

from cadenza.accounts import Accounts, SenderAccount
from cadenza.accounts.choice import NO_ACCOUNT
from cadenza.accounts.states import ACCOUNT_PAUSED, LOOK_AGAIN, AccountStates
from cadenza.calendars import NoOpening
from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.course.results import Results
from cadenza.errors import RenderError, traced
from cadenza.model import Channel, EnrollmentId, EnrollmentStatus, Planned, TouchId
from cadenza.planner import place_again
from cadenza.recipients import Recipient, by_whose_hours, recipient_of
from cadenza.steps.email import EmailStep
from cadenza.storage import enrollments, ledger, sticky_accounts, suppressions
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.database import Connection
from cadenza.storage.due import DueTouch
from cadenza.storage.enrollments import Enrollment
from cadenza.suppression.suppressing import recipient_keys
from workers.candidate import Candidate
from workers.deferral import put_off
from workers.routing import NO_ACCOUNT_RETRY, Routing, anew_of
from workers.timeliness import is_timely

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reached:
    """Whom a touch would reach, and the suppression keys that would forbid it; None: nobody."""

    recipient: Recipient | None
    keys: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is known of the touches of one batch, as it was when that was claimed."""

    enrollments: Mapping[EnrollmentId, Enrollment]
    reached: Mapping[TouchId, _Reached]
    forbidden: set[str]
    routing: Routing


class Screening:
    """Screens batches for one worker process."""

    def __init__(self, *, catalog: Catalog, accounts: Accounts, clock: Clock) -> None:
        self._catalog = catalog
        self._accounts = accounts
        self._clock = clock
        self._states = AccountStates(clock)

    async def read(self, tx: Connection, batch: ClaimedBatch) -> Known:
        """All that has to be known."""
        await self._states.refresh(tx)
        known = await enrollments.load(tx, [t.enrollment_id for t in batch.touches])
        await self._catalog.load(tx, {e.version_id for e in known.values()})
        reached = {t.touch_id: self._reached(t, known[t.enrollment_id]) for t in batch.touches}
        keys = [key for each in reached.values() for key in each.keys]
        forbidden = await suppressions.among(tx, keys)
        replying = [t.enrollment_id for t in batch.touches if self._replies(t, known)]
        threads = await ledger.thread(tx, replying) if replying else {}
        people = sorted({e.profile.prospect_id for e in known.values()})
        sticky = await sticky_accounts.known(tx, people)
        return Known(
            enrollments=known,
            reached=reached,
            forbidden=forbidden,
            routing=Routing(self._accounts, self._states, sticky, threads),
        )

    def screen(self, batch: ClaimedBatch, known: Known, outcome: Results) -> Sequence[Candidate]:
        """Those that are to be tried; what becomes of the others is in `outcome`."""
        candidates = []
        for touch in batch.touches:
            try:
                candidate = self._candidate(touch, known, outcome)
            except Exception as error:  # noqa: BLE001 - the rest of the batch goes on
                outcome.paused.append((touch, told(error)))
                continue
            if candidate is not None:
                candidates.append(candidate)
                if candidate.account.limits.min_gap:
                    outcome.anew[touch.touch_id] = anew_of(candidate, self._accounts)
        return candidates

    def _reached(self, touch: DueTouch, enrollment: Enrollment) -> _Reached:
        cadence, profile = self._catalog[enrollment.version_id], enrollment.profile
        recipient = recipient_of(cadence, touch.step, touch.channel, profile)
        if recipient is None:
            return _Reached(recipient=None, keys=())
        keys = recipient_keys(touch.channel, recipient, profile, service=cadence.service)
        return _Reached(recipient=recipient, keys=keys)

    def _replies(self, touch: DueTouch, known: Mapping[EnrollmentId, Enrollment]) -> bool:
        step = self._catalog[known[touch.enrollment_id].version_id].steps[touch.step]
        return isinstance(step, EmailStep) and step.thread_with is not None

    def _candidate(self, touch: DueTouch, known: Known, outcome: Results) -> Candidate | None:
        enrollment = known.enrollments[touch.enrollment_id]
        state = enrollment.state
        is_active = state.status is EnrollmentStatus.ACTIVE
        if not is_active or not state.stands_at(touch.step, touch.visit):
            return None
        reached = known.reached[touch.touch_id]
        recipient = reached.recipient
        if recipient is None or not known.forbidden.isdisjoint(reached.keys):
            outcome.skipped.append((touch, enrollment.version_id))
            return None
        cadence = self._catalog[enrollment.version_id]
        account = known.routing.account_of(touch, cadence, enrollment.profile)
        if account is None:
            self._without_account(touch, enrollment, recipient, known.routing, outcome)
            return None
        candidate = Candidate(
            touch=touch if touch.account == account.id else replace(touch, account=account.id),
            enrollment=enrollment,
            cadence=cadence,
            account=account,
            recipient=_known_as(touch.channel, recipient, account),
            keys=reached.keys,
            thread=[(m.step, m.message_id) for m in known.routing.thread_of(touch, cadence)],
            calendar=self._accounts.places.of(
                by_whose_hours(touch.channel, recipient, enrollment.profile)
            ),
        )
        if not is_timely(candidate, outcome, self._accounts, self._clock):
            return None
        if account.id in self._states.paused:
            until = self._clock.now() + LOOK_AGAIN
            outcome.back.append(candidate.later(until, ACCOUNT_PAUSED))
            return None
        return candidate

    def _without_account(
        self,
        touch: DueTouch,
        enrollment: Enrollment,
        recipient: Recipient,
        routing: Routing,
        outcome: Results,
    ) -> None:
        """Put it off until some worker's file has an account for it; a thread needs a person."""
        cadence = self._catalog[enrollment.version_id]
        stranded = routing.stranded(touch, cadence)
        if stranded is not None:
            outcome.paused.append((touch, stranded))
            return
        profile = by_whose_hours(touch.channel, recipient, enrollment.profile)

        def again(not_before: datetime) -> Planned:
            return place_again(
                cadence,
                enrollment.state,
                profile,
                not_before,
                step=touch.step,
                calendar=self._accounts.places.of(profile),
            )

        until = self._clock.now() + NO_ACCOUNT_RETRY
        outcome.back.append(put_off(touch, until, NO_ACCOUNT, again=again))


def told(error: Exception) -> str:
    """Why an enrollment is paused whose touch cannot be made, for a person to read."""
    if isinstance(error, (RenderError, NoOpening)):
        return str(error)
    log.error("touch_held", error=traced(error))
    return f"cannot be delivered: {type(error).__name__}"


def _known_as(channel: Channel, recipient: Recipient, account: SenderAccount) -> Recipient:
    """A webhook reaches its account's address; its host says which system that is."""
    if channel is not Channel.WEBHOOK:
        return recipient
    return replace(recipient, address=urlsplit(account.address).hostname or account.id)
