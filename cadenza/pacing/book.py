"""The slot book: which times of which accounts are taken, and how full each window is.

It is only memory. `storage.slots` fills one from the database for the
length of a transaction; the simulator keeps one for a whole run.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, repeat

from cadenza.abc import Draw
from cadenza.accounts import Accounts, Period, Unit
from cadenza.limits import LimitRules
from cadenza.pacing.caps import Cap
from cadenza.pacing.grid import EPOCH, Grid, grid_of
from cadenza.pacing.windows import counting, quarter_of

FOLLOW_UPS_FIRST = "follow_ups_first"
"""Why a first touch is planned later than its day: the rest of it is kept for follow-ups."""


_DAY_SECONDS = 86400
_DAY = timedelta(seconds=_DAY_SECONDS)
_OF_ACCOUNT = "account:"


@dataclass(frozen=True, slots=True)
class Full:
    """What stands in the way at a moment: the rule, and between when it does for sure."""

    reason: str
    since: datetime
    until: datetime


Buckets = dict[datetime | int, int]
"""How many touches are counted in each bucket: by its beginning, or its number if it rolls."""


class Counts:
    """Key of a cap → touches in its buckets."""

    def __init__(self) -> None:
        self._tables: dict[str, Buckets] = {}

    def of(self, key: str) -> Buckets:
        """The buckets of one key."""
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = {}
        return table

    def forget(self, keys: Iterable[str]) -> None:
        """Count these from nothing."""
        for key in keys:
            self._tables.pop(key, None)


class SlotBook:
    """shared: counts under caps that are not those of one account, which books may have in common.

    now: the day from here on is open to everybody, what comes later by
    `follow_ups_first`.
    """

    def __init__(
        self, accounts: Accounts, rules: LimitRules, now: datetime, shared: Counts | None = None
    ) -> None:
        self.rules = rules
        self._accounts = accounts
        self._days = counting(Period(unit=Unit.DAY), accounts.organisation.time_zone)
        self._open_until = now + _DAY
        self._new_share = round(1 - accounts.organisation.follow_ups_first, 9)
        self._next_free: dict[str, dict[int, int]] = {}
        self._unread: dict[str, dict[int, Sequence[int]]] = {}
        self._own = Counts()
        self._shared = self._own if shared is None else shared
        self._firsts: Counter[tuple[str, datetime]] = Counter()
        # What was found free last, with its counters: mostly it is taken at once.
        self._free: tuple[Draw, datetime, Sequence[tuple[Buckets, datetime | int]]] | None = None
        self._looked_at: tuple[Draw, Sequence[tuple[Cap, Buckets]]] | None = None

    def turn_to(self, now: datetime) -> None:
        """Go over to the day of `now`: a book that is kept for long."""
        self._open_until = now + _DAY

    # What is known.

    def mark(self, account_id: str, grid: Grid, seconds: Iterable[int]) -> None:
        """These moments (seconds since 1970) of an account with a gap are taken.

        From the last to the first it costs least: what follows each is known then.
        """
        skips = self._next_free.setdefault(account_id, {})
        for second in seconds:
            for number in grid.near(second):
                skips[number] = skips.get(number + 1, number + 1)

    def learn(self, account_id: str, seconds: Mapping[int, Sequence[int]]) -> None:
        """The same by days since 1970, read only when a day is looked at."""
        self._unread[account_id] = dict(seconds)

    def close(self, account_id: str, grid: Grid, since: datetime, until: datetime) -> None:
        """Nobody gets a time of this account from `since` up to `until`."""
        skips = self._next_free.setdefault(account_id, {})
        number = grid.first_from(second_of(since))
        while grid.at(number) < second_of(until):
            skips[number] = number + 1
            number += 1

    def add(self, cap: Cap, start: datetime, count: int) -> None:
        """So many touches are counted under a cap in the bucket that begins at `start`."""
        table, bucket = self._table(cap), _bucket(cap, start)[0]
        table[bucket] = table.get(bucket, 0) + count

    def forget(self, keys: Iterable[str]) -> None:
        """Count under these keys from nothing."""
        self._free = self._looked_at = None
        for key in keys:
            (self._own if key.startswith(_OF_ACCOUNT) else self._shared).forget([key])

    def add_firsts(self, account_id: str, day: datetime, count: int) -> None:
        """So many first touches are planned on a day of an account."""
        self._firsts[account_id, day] += count

    def day_of(self, at: datetime) -> datetime:
        """When the day of `at` begins, in the organisation's zone."""
        return self._days.bucket(at)[0]

    # What is asked.

    def count(self, key: str, start: datetime) -> int:
        """How many touches are counted under a key in a bucket of the calendar."""
        counts = self._own if key.startswith(_OF_ACCOUNT) else self._shared
        return counts.of(key).get(start, 0)

    def firsts(self, account_id: str, day: datetime) -> int:
        """How many first touches are planned on a day of an account."""
        return self._firsts[account_id, day]

    def room_under(self, cap: Cap, at: datetime) -> int:
        """How many more fit under a cap at `at`."""
        bucket, start = _bucket(cap, at)
        table = self._table(cap)
        if isinstance(bucket, int):
            return max(0, cap.limit_at(start) - _fullest(table, bucket, cap.window.earlier))
        return max(0, cap.limit_at(start) - table.get(bucket, 0))

    def free_from(self, account_id: str, grid: Grid, second: int) -> tuple[int, bool]:
        """The first free slot that is not before `second`, and whether it is the first at all."""
        first = grid.first_from(second)
        if self._unread.get(account_id):
            number = self._free_of_unread(account_id, grid, first, second)
        else:
            number = self._number_from(account_id, first)
        return grid.at(number), number == first

    def _number_from(self, account_id: str, number: int) -> int:
        skips = self._next_free.setdefault(account_id, {})
        passed = []
        while (following := skips.get(number)) is not None:
            passed.append(number)
            number = following
        for before in passed:  # so that a crowded day is crossed in one step the next time
            skips[before] = number
        return number

    def _free_of_unread(self, account_id: str, grid: Grid, number: int, second: int) -> int:
        """Read day by day, until the free time lies in a day that was read."""
        unread = self._unread[account_id]
        read_to = second // _DAY_SECONDS - 2
        while read_to < (day := grid.at(number) // _DAY_SECONDS):
            for one in range(read_to + 1, day + 1):
                if one in unread:
                    self.mark(account_id, grid, sorted(unread.pop(one), reverse=True))
            read_to = day
            number = self._number_from(account_id, number)
        return number

    def full(self, draw: Draw, at: datetime, *, is_first: bool) -> Full | None:
        """What forbids a touch at `at`; None if there is room."""
        quarter = quarter_of(at)
        places: list[tuple[Buckets, datetime | int]] = []
        for cap, table in self._tables_of(draw):
            window = cap.window
            if window.earlier:
                number = window.number(at)
                places.append((table, number))
                # Mostly all there is fits into one window.
                is_full = sum(table.values()) >= cap.at_most and (
                    _fullest(table, number, window.earlier) >= cap.at_most
                )
            else:
                start, _ = window.bucket(at, quarter)
                places.append((table, start))
                is_full = table.get(start, 0) >= cap.limit_at(start)
            if is_full:
                return Full(cap.reason, *window.bucket(at, quarter))
        if is_first and not self._may_begin(draw, at):
            return Full(FOLLOW_UPS_FIRST, *self._days.bucket(at))
        self._free = (draw, at, places)
        return None

    def take(self, draw: Draw, at: datetime, *, is_first: bool = False) -> None:
        """Note a touch."""
        if self._free is not None and self._free[0] is draw and self._free[1] == at:
            for table, bucket in self._free[2]:  # as they were found a moment ago
                table[bucket] = table.get(bucket, 0) + 1
            if is_first:
                self._firsts[draw.account.id, self.day_of(at)] += 1
        else:
            self._note(draw, at, 1, is_first=is_first)
        grid = grid_of(draw.account)
        if grid is not None:
            self.mark(draw.account.id, grid, [second_of(at)])

    def release(self, draw: Draw, at: datetime, *, is_first: bool = False) -> None:
        """Take a touch out again: its enrollment has left."""
        self._note(draw, at, -1, is_first=is_first)
        grid, account_id, second = grid_of(draw.account), draw.account.id, second_of(at)
        if grid is None:
            return
        unread, day = self._unread.get(account_id, {}), second // _DAY_SECONDS
        if day in unread:
            unread[day] = [taken for taken in unread[day] if taken != second]
        if account_id in self._next_free:
            freed = set(grid.near(second))
            # What was crossed in one step has to be walked again.
            skips = self._next_free[account_id]
            self._next_free[account_id] = {n: n + 1 for n in skips if n not in freed}

    def _note(self, draw: Draw, at: datetime, change: int, *, is_first: bool) -> None:
        for cap in self.rules.caps(draw):
            table, bucket = self._table(cap), _bucket(cap, at)[0]
            table[bucket] = table.get(bucket, 0) + change
        if is_first:
            self._firsts[draw.account.id, self.day_of(at)] += change

    def _may_begin(self, draw: Draw, at: datetime) -> bool:
        if at < self._open_until:
            return True
        day = self.day_of(at)
        limit = min((c.limit_at(day) for c in self._of_day(draw)), default=None)
        if limit is None:
            return True
        return self._firsts[draw.account.id, day] < math.ceil(round(limit * self._new_share, 6))

    def _of_day(self, draw: Draw) -> Sequence[Cap]:
        mine = f"account:{draw.account.id}:"
        return [
            cap
            for cap in self.rules.caps(draw)
            if cap.window.period.unit is Unit.DAY and cap.key.startswith(mine)
        ]

    def _tables_of(self, draw: Draw) -> Sequence[tuple[Cap, Buckets]]:
        """The caps of a draw with their counters: one draw is asked about several times."""
        if self._looked_at is None or self._looked_at[0] is not draw:
            tables = [(cap, self._table(cap)) for cap in self.rules.caps(draw)]
            self._looked_at = (draw, tables)
        return self._looked_at[1]

    def _table(self, cap: Cap) -> Buckets:
        return (self._own if cap.is_own else self._shared).of(cap.key)


def _fullest(table: Buckets, bucket: int, earlier: int) -> int:
    """How many the fullest rolling window holds in which the bucket lies."""
    if not table:
        return 0
    counts = map(table.get, range(bucket - earlier, bucket + earlier + 1), repeat(0))
    until = list(accumulate(counts, initial=0))
    return max(upto - before for before, upto in zip(until, until[earlier + 1 :], strict=False))


def _bucket(cap: Cap, at: datetime) -> tuple[datetime | int, datetime]:
    """The bucket of `at` under a cap, and when it begins."""
    if cap.window.earlier:
        return cap.window.number(at), at
    start = cap.window.bucket(at)[0]
    return start, start


def second_of(moment: datetime) -> int:
    """Seconds since 1970, down."""
    delta = moment - EPOCH
    return delta.days * 86400 + delta.seconds
