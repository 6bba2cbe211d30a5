"""A touch of a claimed batch, with everything that delivery knows about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.abc import Draw
from cadenza.accounts import SenderAccount
from cadenza.calendars import WorkCalendar
from cadenza.language.cadence import Cadence
from cadenza.model import Planned, Profile, Quota
from cadenza.planner import place_again
from cadenza.recipients import Recipient, by_whose_hours
from cadenza.storage.due import DueTouch
from cadenza.storage.enrollments import Enrollment
from workers.deferral import moved_to, put_off


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

    @property
    def lives_as(self) -> Profile:
        """By whose hours it goes."""
        return by_whose_hours(self.touch.channel, self.recipient, self.enrollment.profile)

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
            self.lives_as,
            until,
            step=self.touch.step,
            calendar=self.calendar,
            within=self.account.window,
            at_once=at_once,
        )
