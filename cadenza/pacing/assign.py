"""Gives each touch a time at which its account is free. Pure but for the book.

The planner places a touch somewhere in its window. From there the first
free time is taken that no cap forbids, up to the end of the window; then
from the window's beginning on; then in its next opening, and so on. So a
day fills up evenly and completely before the next one is begun.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cadenza.abc import Draw
from cadenza.calendars import TAIL_MARGIN, Slot
from cadenza.pacing.book import SlotBook, second_of
from cadenza.pacing.grid import EPOCH, Grid, grid_of

ACCOUNT_GAP = "account_gap"
_MOST_OPENINGS = 400
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)

Openings = Callable[[datetime], Slot]
"""(not before) → the first moment at which a touch may go then, and when its window closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A touch that wants a time.

    due_at: where the planner placed it, in the window that closes at
    window_end. not_before: the earliest moment. drawn: of 2⁶⁴, where it lies
    in a later opening. is_first: nothing was sent to this person yet.
    """

    draw: Draw
    due_at: datetime
    window_end: datetime
    not_before: datetime
    openings: Openings
    drawn: int
    is_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """When it goes. reason: the rule that made it later than wished; None if none did."""

    due_at: datetime
    window_end: datetime
    reason: str | None = None


def assign(book: SlotBook, wish: Wish) -> Given:
    """The time of a touch, which is taken in the book.

    Where no opening of the next 400 has room (a cap of nothing), it stays
    where it was placed, with the reason.
    """
    begin, at, end = min(wish.not_before, wish.due_at), wish.due_at, wish.window_end
    reason: str | None = None
    for _ in range(_MOST_OPENINGS):
        search = _Search(book, wish, begin, end - TAIL_MARGIN)
        found = search.between(at, search.last)
        if found is None and begin < at and not search.is_closed:
            opens = wish.openings(begin)
            if opens.window_end == end:
                found = search.between(opens.due_at, at - _SECOND)
        reason = reason or search.reason
        if found is not None:
            book.take(wish.draw, found, is_first=wish.is_first)
            reason = reason if found > wish.due_at else None
            return Given(due_at=found, window_end=end, reason=reason)
        slot = wish.openings(end)
        begin, end = slot.due_at, slot.window_end
        at = begin + _part(end - TAIL_MARGIN - begin, wish.drawn)
    return Given(due_at=wish.due_at, window_end=wish.window_end, reason=reason)


class _Search:
    """Looks for a free time in one opening, from `begin` to `last`.

    is_closed: a rule that says no to all of it was met.
    """

    def __init__(self, book: SlotBook, wish: Wish, begin: datetime, last: datetime) -> None:
        self._book = book
        self._wish = wish
        self._grid: Grid | None = grid_of(wish.draw.account)
        self._begin = begin
        self.last = last
        self.is_closed = False
        self.reason: str | None = None

    def between(self, first: datetime, last: datetime) -> datetime | None:
        """The first free time from `first` to `last`."""
        at = first
        while at <= last:
            if self._grid is not None:
                at = self._free(self._grid, at)
                if at > last:
                    return None
            full = self._book.full(self._wish.draw, at, is_first=self._wish.is_first)
            if full is None:
                return at
            self.reason = self.reason or full.reason
            self.is_closed = full.since <= self._begin and full.until > self.last
            at = full.until if self._grid else self._spread(full.until, last)
        return None

    def _free(self, grid: Grid, at: datetime) -> datetime:
        second = second_of(at + _SECOND - timedelta.resolution)
        free, is_first = self._book.free_from(self._wish.draw.account.id, grid, second)
        if not is_first:
            self.reason = self.reason or ACCOUNT_GAP
        return EPOCH + timedelta(seconds=free)

    def _spread(self, opens: datetime, last: datetime) -> datetime:
        """Without slots, all that waited for a window would come as it opens."""
        caps = self._book.rules.caps(self._wish.draw)
        closes = min((cap.window.bucket(opens)[1] for cap in caps), default=opens)
        return opens + _part(min(closes, last) - opens, self._wish.drawn)


def _part(room: timedelta, drawn: int) -> timedelta:
    """`drawn` / 2⁶⁴ of the way through `room`, in whole minutes, before its end."""
    minutes = -(-room // _MINUTE)
    return (drawn * max(minutes, 0) >> 64) * _MINUTE
