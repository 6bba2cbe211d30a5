"""Sender accounts in memory: which one a touch leaves from, and when it is free.

The slot book is the one of `cadenza.pacing`, kept for the whole run: what
`cadenza.slots.planning` reads from the database for each transaction.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cadenza import planner
from cadenza.abc import Draw
from cadenza.accounts import Accounts, SenderAccount
from cadenza.calendars import NoOpening, draw
from cadenza.language.cadence import Cadence
from cadenza.limits import LimitRules
from cadenza.model import Channel, EnrollmentId, Planned, ProspectId
from cadenza.pacing.assign import Given, Wish
from cadenza.pacing.book import SlotBook
from cadenza.pacing.grid import grid_of
from cadenza.slots.planning import Intent, time_for, wish_of
from console.simulate.health import History
from console.simulate.journey import Entry, Journey

_DEFAULT_GROUP = "default"


class LimitsBind(Exception):
    """A limit was in the way, or nearly."""


@dataclass(kw_only=True)
class Used:
    """What half of a run took of what all share.

    counts: touches under each cap, in each of its windows; most: how many
    may be in any case. histories: what came of each account's touches.
    """

    counts: Counter[tuple[object, ...]] = field(default_factory=Counter)
    most: dict[tuple[object, ...], int] = field(default_factory=dict)
    histories: Mapping[str, History] = field(default_factory=dict)


class Pacing(Protocol):
    """Gives touches an account and a time under its limits. resting: accounts that are paused."""

    resting: Collection[str]

    def plan(self, journey: Journey, planned: Planned, now: datetime) -> Entry:
        """A touch that was planned, with its account, where there is room for it."""
        ...

    def again(self, entry: Entry, due_at: datetime, window_end: datetime | None) -> None:
        """A touch that is put off: at the next free time from `due_at` on."""
        ...

    def left(self, entry: Entry, account: SenderAccount) -> None:
        """A touch has left: its account stays that of this person."""
        ...

    def dropped(self, entry: Entry) -> None:
        """A touch will not leave: its time is free again."""
        ...


class SlotPacing:
    """`Pacing` over one slot book.

    used: where to write down what is taken; then LimitsBind is raised as
    soon as a touch cannot have the time that it wants.
    """

    def __init__(
        self, accounts: Accounts, cadence: Cadence, now: datetime, used: Used | None = None
    ) -> None:
        self._accounts = accounts
        self._cadence = cadence
        self._rules = LimitRules(accounts)
        self._book = SlotBook(accounts, self._rules, now)
        self._used = used
        self.resting: Collection[str] = ()
        self._share = 1 - accounts.organisation.follow_ups_first
        self._now = now
        self._sticky: dict[tuple[ProspectId, Channel], str] = {}
        self._taken: dict[int, tuple[Draw, datetime, bool]] = {}

    def plan(self, journey: Journey, planned: Planned, now: datetime) -> Entry:
        account = self._choose(journey, planned.channel)
        if account is None:
            return Entry(journey, planned, None, planned.due_at, planned.window_end, planned.due_at)
        if account.window is not None:
            # One that never fits is planned all the same: delivery holds it when its time comes.
            with suppress(NoOpening):
                planned = planner.fit(
                    planned, self._cadence, journey.profile, account.window, journey.calendar
                )
        intent = Intent(
            enrollment_id=EnrollmentId(journey.number),
            shard=0,
            cadence=self._cadence,
            profile=journey.profile,
            planned=planned,
            company=journey.company,
            is_first=not journey.was_touched,
        )
        wish = wish_of(self._accounts, intent, planned, account)
        entry = Entry(
            journey, planned, account.id, planned.due_at, planned.window_end, planned.due_at
        )
        self._give(entry, wish, now)
        return entry

    def again(self, entry: Entry, due_at: datetime, window_end: datetime | None) -> None:
        before = self._taken.get(id(entry))
        entry.due_at, entry.window_end = due_at, window_end
        account = self._accounts.account_by_id.get(entry.account or "")
        if before is None or window_end is None or account is None or grid_of(account) is None:
            return  # as in `cadenza.slots.planning`, only accounts with a gap give another time
        self.dropped(entry)
        journey, planned = entry.journey, entry.planned
        intent = Intent(
            enrollment_id=EnrollmentId(journey.number),
            shard=0,
            cadence=self._cadence,
            profile=journey.profile,
            planned=planned,
            company=journey.company,
        )
        openings = wish_of(self._accounts, intent, planned, account).openings
        wish = Wish(
            draw=before[0],
            due_at=due_at,
            window_end=window_end,
            not_before=due_at,
            openings=openings,
            drawn=draw("again", journey.number, planned.step, planned.visit, entry.attempts),
        )
        self._give(entry, wish, self._now)

    def left(self, entry: Entry, account: SenderAccount) -> None:
        journey = entry.journey
        self._sticky[journey.profile.prospect_id, entry.planned.channel] = account.id
        journey.was_touched = True
        self._taken.pop(id(entry), None)

    def dropped(self, entry: Entry) -> None:
        taken = self._taken.pop(id(entry), None)
        if taken is not None:
            drawn_on, at, is_first = taken
            self._book.release(drawn_on, at, is_first=is_first)

    def _give(self, entry: Entry, wish: Wish, now: datetime) -> None:
        if now != self._now:
            self._now = now
            self._book.turn_to(now)
        given = time_for(self._book, wish)
        entry.due_at, entry.window_end = given.due_at, given.window_end
        entry.rule = given.reason or entry.rule
        if self._used is not None:
            self._note(self._used, wish.draw, given)
        self._taken[id(entry)] = (wish.draw, given.due_at, wish.is_first)

    def _note(self, used: Used, drawn_on: Draw, given: Given) -> None:
        if given.reason is not None:
            raise LimitsBind
        for cap in self._rules.caps(drawn_on):
            if cap.window.earlier:
                raise LimitsBind
            start = cap.window.bucket(given.due_at)[0]
            used.counts[cap.key, start] += 1
            # As if all were first touches: they may take only a share of a coming day.
            used.most[cap.key, start] = math.floor(cap.limit_at(start) * self._share)

    def _choose(self, journey: Journey, channel: Channel) -> SenderAccount | None:
        group = self._cadence.groups.get(channel, _DEFAULT_GROUP)
        sticky = self._sticky.get((journey.profile.prospect_id, channel))
        return self._accounts.choose(
            channel, group, journey.profile, sticky=sticky, paused=self.resting
        )
