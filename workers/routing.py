"""From which account a touch leaves: that of its thread, of earlier touches, or of the plan."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from cadenza.accounts import Accounts, SenderAccount
from cadenza.accounts.states import AccountStates
from cadenza.language.cadence import Cadence
from cadenza.model import EnrollmentId, Profile
from cadenza.pacing.draws import draw_of
from cadenza.slots.planning import Anew, openings_of
from cadenza.steps.email import EmailStep
from cadenza.storage.due import DueTouch
from cadenza.storage.ledger import Mail
from cadenza.storage.sticky_accounts import Sticky
from workers.candidate import Candidate

# A file that lacks a group is mended within minutes, or is that of a worker
# which a rollout has not reached yet: its neighbour may have the account.
NO_ACCOUNT_RETRY = timedelta(minutes=10)


class Routing:
    """Chooses accounts. sticky, threads: as they were when the batch was claimed."""

    def __init__(
        self,
        accounts: Accounts,
        states: AccountStates,
        sticky: Mapping[Sticky, str],
        threads: Mapping[EnrollmentId, Sequence[Mail]],
    ) -> None:
        self._accounts = accounts
        self._states = states
        self._sticky = sticky
        self._threads = threads

    def account_of(
        self, touch: DueTouch, cadence: Cadence, profile: Profile
    ) -> SenderAccount | None:
        """The account of its thread; else of earlier touches of the group; else as planned.

        None if the file has none, or its thread's account is retired or
        gone: a thread never changes its sender.
        """
        retired = self._states.retired
        thread = self.thread_of(touch, cadence)
        if thread:
            sender = thread[-1].account
            return None if sender in retired else self._accounts.account_by_id.get(sender)
        group = cadence.groups.get(touch.channel, "default")
        return self._accounts.choose(
            touch.channel,
            group,
            profile,
            sticky=self._sticky.get((profile.prospect_id, touch.channel, group)) or touch.account,
            paused=self._states.paused,
            retired=retired,
        )

    def thread_of(self, touch: DueTouch, cadence: Cadence) -> Sequence[Mail]:
        """The mails that a touch answers, from the one that began the thread on."""
        step = cadence.steps.get(touch.step)
        if not isinstance(step, EmailStep) or step.thread_with is None:
            return ()
        mails = self._threads.get(touch.enrollment_id, ())
        starts = [n for n, mail in enumerate(mails) if mail.step == step.thread_with]
        return mails[starts[0] :] if starts else ()

    def stranded(self, touch: DueTouch, cadence: Cadence) -> str | None:
        """Why a touch without an account never finds one, for a person to read; None: it may."""
        thread = self.thread_of(touch, cadence)
        if not thread:
            return None
        return (
            f"its thread left from account {thread[-1].account}, which is retired or gone: "
            "bring it back, or stop this enrollment"
        )


def anew_of(candidate: Candidate, accounts: Accounts) -> Anew:
    """With what another time is looked for, should the touch be put off."""
    cadence, profile = candidate.cadence, candidate.enrollment.profile
    draw = draw_of(
        candidate.account,
        cadence.steps.get(candidate.touch.step),
        address=candidate.recipient.address,
        company=candidate.enrollment.company,
    )
    channel = candidate.touch.channel
    return draw, openings_of(accounts, cadence, profile, channel, candidate.account)
