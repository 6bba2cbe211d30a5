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

    Openings that a rule closes as a whole are passed over. Where none of 400
    has room (a ramp that begins in two years), it gets one of the account's
    times after them, with the reason: nobody else has that, and the rule is
    asked once more when it has come.
    """
    begin, at, end = min(wish.not_before, wish.due_at), wish.due_at, wish.window_end
    reason, grid = None, grid_of(wish.draw.account)
    for _ in range(_MOST_OPENINGS):
        search = _Search(book, wish, grid, begin, end - TAIL_MARGIN)
        found = search.between(at, search.last)
        resumes = search.resumes
        if found is None and begin < at and not search.is_closed:
            opens = wish.openings(begin)
            if opens.window_end == end:
                found = search.between(opens.due_at, at - _SECOND)
        reason = reason or search.reason
        if found is not None:
            book.take(wish.draw, found, is_first=wish.is_first)
            reason = reason if found > wish.due_at else None
            return Given(due_at=found, window_end=end, reason=reason)
        slot = wish.openings(max(end, resumes))
        begin, end = slot.due_at, slot.window_end
        at = begin + _part(end - TAIL_MARGIN - begin, wish.drawn)
    return _after_all(book, wish, Given(due_at=at, window_end=end, reason=reason))


def _after_all(book: SlotBook, wish: Wish, reached: Given) -> Given:
    """A time from `reached` on that nobody has, whatever the caps say; it is taken in the book."""
    at, end, grid = reached.due_at, reached.window_end, grid_of(wish.draw.account)
    if grid is not None:
        search = _Search(book, wish, grid, at, end)
        at = search.free(grid, at)
        for _ in range(_MOST_OPENINGS):
            if at < end:
                break
            slot = wish.openings(at)
            at, end = search.free(grid, slot.due_at), slot.window_end
    book.take(wish.draw, at, is_first=wish.is_first)
    return Given(due_at=at, window_end=end, reason=reached.reason)


class _Search:
    """Looks for a free time in one opening, from `begin` to `last`.

    is_closed: a rule that says no to all of it was met. resumes: up to
    here, from where the search began, everything was found taken.
    """

    def __init__(
        self, book: SlotBook, wish: Wish, grid: Grid | None, begin: datetime, last: datetime
    ) -> None:
        self._book = book
        self._wish = wish
        self._grid = grid
        self._begin = begin
        self.last = last
        self.is_closed = False
        self.resumes = begin
        self.reason: str | None = None

    def between(self, first: datetime, last: datetime) -> datetime | None:
        """The first free time from `first` to `last`."""
        at = first
        while at <= last:
            if self._grid is not None:
                at = self.resumes = self.free(self._grid, at)
                if at > last:
                    return None
            full = self._book.full(self._wish.draw, at, is_first=self._wish.is_first)
            if full is None:
                return at
            self.reason = self.reason or full.reason
            self.is_closed = full.since <= self._begin and full.until > self.last
            self.resumes = full.until
            at = full.until if self._grid else self._spread(full.until, last)
        return None

    def free(self, grid: Grid, at: datetime) -> datetime:
        """The first time of the account from `at` on that nobody has."""
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
