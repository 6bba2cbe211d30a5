"""What the sender accounts have room for: their coming days, used and free, and what binds.

Counted is what is planned now. Follow-ups that are not planned yet, because
the touch before them has not left, are not in it; `organisation.follow_ups_first`
keeps room for them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from cadenza.abc import Draw
from cadenza.accounts import MOST_PER_DAY, Accounts, SenderAccount
from cadenza.accounts.states import ACCOUNT_PAUSED
from cadenza.calendars import TAIL_MARGIN, Window, opening
from cadenza.limits.account_gap import ACCOUNT_GAP
from cadenza.pacing.account_day import account_day
from cadenza.pacing.book import SlotBook, second_of
from cadenza.pacing.grid import EPOCH, Grid, grid_of
from cadenza.timespec import zone_info

CLOSED = "closed"
"""What binds on a day on which the account does not send."""

_OFFICE = Window(weekdays=frozenset(range(5)), opens=9 * 60, closes=17 * 60)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class DayOfAccount:
    """One day. taken: touches that left or are planned. cap: None where there is none.

    free: touches for which there is room besides; None: as many as you
    like. free_for_new: of these, for people who were not touched before.
    binds: the rule that leaves no more room.
    """

    account: str
    channel: str
    day: date
    taken: int
    cap: int | None
    free: int | None
    free_for_new: int | None
    binds: str | None


def forecast(
    accounts: Accounts, book: SlotBook, now: datetime, days: int, *, resting: Sequence[str] = ()
) -> Sequence[DayOfAccount]:
    """Day by day, account by account. Pure, but that it fills `book` on the way.

    Room is counted in the account's own window, else from 09:00 to 17:00,
    Monday to Friday, of the organisation's time. What an account or a day
    could take of a limit that it shares is gone for those after it, so all
    that is free is free at once. resting: paused accounts.
    """
    today = now.astimezone(zone_info(accounts.organisation.time_zone)).date()
    return [
        _Day(accounts, book, account, today + n * _DAY, now).told(rests=account.id in resting)
        for account in accounts.accounts
        for n in range(days)
    ]


class _Day:
    """One day of one account."""

    def __init__(
        self, accounts: Accounts, book: SlotBook, account: SenderAccount, day: date, now: datetime
    ) -> None:
        self._accounts = accounts
        self._book = book
        self._account = account
        self._day = day
        self._now = now
        zone = accounts.organisation.time_zone
        self._noon = datetime.combine(day, time(12), zone_info(zone)).astimezone(UTC)
        self._hours = opening(account.window or _OFFICE, day, zone)

    def told(self, *, rests: bool) -> DayOfAccount:
        place, cap = account_day(self._accounts, self._account, self._noon)
        taken = self._book.count(*place)
        free, binds = (0, ACCOUNT_PAUSED) if rests else self._room()
        return DayOfAccount(
            account=self._account.id,
            channel=self._account.channel,
            day=self._day,
            taken=taken,
            cap=None if cap >= MOST_PER_DAY else cap,
            free=free,
            free_for_new=self._for_new(free, cap),
            binds=binds,
        )

    def _room(self) -> tuple[int | None, str | None]:
        if self._hours is None or self._hours[1] - TAIL_MARGIN <= self._now:
            return 0, CLOSED
        first = max(self._hours[0], self._now)
        last = self._hours[1] - TAIL_MARGIN
        grid = grid_of(self._account)
        if grid is None:
            return self._room_by_caps(first, last)
        return self._room_by_slots(grid, first, last)

    def _room_by_caps(self, first: datetime, last: datetime) -> tuple[int | None, str | None]:
        """Where any time will do: take what the fullest cap leaves, each time that it opens."""
        caps = [
            cap
            for cap in self._book.rules.caps(Draw(account=self._account))
            if cap.at_most < MOST_PER_DAY
        ]
        if not caps:
            return None, None
        free, at, binds = 0, first, caps[0]
        while at <= last:
            room, n = min((self._book.room_under(cap, at), n) for n, cap in enumerate(caps))
            for cap in caps:
                self._book.add(cap, at, room)
            free, binds = free + room, caps[n]
            at = binds.window.bucket(at)[1]
        return free, binds.reason

    def _room_by_slots(self, grid: Grid, first: datetime, last: datetime) -> tuple[int, str | None]:
        """Take every slot that is free, until none is or a cap says no."""
        draw, free, at = Draw(account=self._account), 0, first
        while True:
            second, _ = self._book.free_from(self._account.id, grid, second_of(at))
            at = EPOCH + timedelta(seconds=second)
            if at > last:
                return free, ACCOUNT_GAP
            full = self._book.full(draw, at, is_first=False)
            if full is None:
                self._book.take(draw, at)
                free, at = free + 1, at + _SECOND
            elif full.until > last:
                return free, full.reason
            else:
                at = full.until

    def _for_new(self, free: int | None, cap: int) -> int | None:
        if free is None or self._noon - self._now < _DAY:
            return free
        share = 1 - self._accounts.organisation.follow_ups_first
        day = self._book.day_of(self._noon)
        kept = math.ceil(round(cap * share, 6)) - self._book.firsts(self._account.id, day)
        return max(0, min(free, kept))
