"""Fills slot books from the database: one for each transaction, or one for a few seconds.

What belongs to one account is read anew under its lock where its times are
numbered. What many share (a provider, the deployment) would mean to count
everything that is planned each time: it is counted once in some seconds,
and what this process planned since is added.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cadenza.abc import Draw
from cadenza.accounts import MOST_PER_DAY, Accounts, Unit
from cadenza.clock import Clock
from cadenza.limits import LimitRules
from cadenza.model import Channel
from cadenza.pacing.assign import Wish
from cadenza.pacing.book import Counts, SlotBook
from cadenza.pacing.caps import Cap
from cadenza.pacing.grid import grid_of
from cadenza.storage import slots
from cadenza.storage.database import Connection
from cadenza.storage.slots import Counting, Question, counting_of

# Beyond this a time counts as free that is not. A backlog of an account that may
# send once a week reaches far.
_AHEAD = timedelta(days=3_660)
# What is being sent at this moment is in no plan: its times are not given to anybody.
_UNDER_WAY = timedelta(minutes=1)
# How old a count may be, and how much of the time counting may take.
_FRESH_SECONDS = 5.0
_FRESH_SPAN = timedelta(minutes=10)
_SHARE_OF_TIME = 0.02


_UNITS = (Unit.HOUR, Unit.DAY, Unit.WEEK, Unit.MONTH)


class Books:
    """Fills books for one process."""

    def __init__(self, accounts: Accounts, rules: LimitRules, clock: Clock) -> None:
        self._accounts = accounts
        self._rules = rules
        self._clock = clock
        by_account = {a.id: rules.caps(Draw(account=a)) for a in accounts.accounts}
        self._own = {i: _binding(c for c in caps if c.is_own) for i, caps in by_account.items()}
        self._shared = {
            i: _binding(c for c in caps if not c.is_own) for i, caps in by_account.items()
        }
        self._without_gap = dict.fromkeys(a.id for a in accounts.accounts if grid_of(a) is None)
        self._counts = Counts()
        self._counted = _Age(clock)
        self._book: SlotBook | None = None
        self._read = _Age(clock)

    def extra_keys(self, draw: Draw) -> Sequence[str]:
        """Keys of caps under which a touch counts beside those of its account."""
        action = self._rules.sender_caps(draw) if draw.action else ()
        own = {cap.key for cap in self._own[draw.account.id]} if action else ()
        extra = [cap.key for cap in action if cap.is_own and cap.key not in own]
        return [*extra, *(cap.key for cap in self._rules.recipient_caps(draw))]

    def has_gap(self, account_id: str) -> bool:
        """Whether the account's times are numbered."""
        return account_id not in self._without_gap

    def is_free(self, account_id: str) -> bool:
        """Whether nothing could ever bind a touch of this account, whatever it does."""
        return not (
            self._rules.looks_at_recipients
            or self._accounts.account_by_id[account_id].channel is Channel.SOCIAL
            or self._own[account_id]
            or self._shared[account_id]
            or account_id not in self._without_gap
        )

    def is_capped(self, draw: Draw) -> bool:
        """Whether any cap could ever bind it."""
        return bool(_binding(self._rules.caps(draw)))

    async def paced(self, tx: Connection, wishes: Sequence[Wish]) -> SlotBook:
        """A book of the accounts of these wishes; nobody else plans until the transaction ends."""
        accounts = sorted({wish.draw.account.id for wish in wishes})
        await slots.lock(tx)
        since = min(wish.not_before for wish in wishes)
        until = max(wish.due_at for wish in wishes) + _AHEAD
        return await self._opened(
            tx, wishes, paced=accounts, accounts=accounts, since=since, until=until
        )

    async def counted(
        self, tx: Connection, wishes: Sequence[Wish], *, fresh: bool = False
    ) -> SlotBook:
        """A book of the accounts without a gap, not older than some seconds. fresh: read now."""
        now = self._clock.now()
        if self._book is None or fresh or not self._read.is_fresh():
            self._read.begin()
            self._counted.forget()
            self._book = await self._opened(
                tx, wishes, paced=[], accounts=list(self._without_gap), since=now, until=now
            )
            self._read.end()
        else:
            await self._count_extra(tx, self._book, wishes)
        return self._book

    async def view(self, db: Connection, until: datetime) -> SlotBook:
        """A book of all accounts up to `until`, to look at: nothing is held."""
        accounts = [a.id for a in self._accounts.accounts]
        paced = [i for i in accounts if i not in self._without_gap]
        return await self._opened(
            db, (), paced=paced, accounts=accounts, since=self._clock.now(), until=until
        )

    async def _opened(
        self,
        tx: Connection,
        wishes: Sequence[Wish],
        *,
        paced: Sequence[str],
        accounts: Sequence[str],
        since: datetime,
        until: datetime,
    ) -> SlotBook:
        now = self._clock.now()
        if not self._counted.is_fresh():
            await self._count_shared(tx)
        book = SlotBook(self._accounts, self._rules, now, self._counts)
        caps = {i: self._own[i] for i in accounts}
        await self._count(tx, book, caps, paced=paced, since=since, until=until)
        await self._count_extra(tx, book, wishes)
        # What is released within the minute may be in a worker's hands already.
        for account_id in paced:
            grid = grid_of(self._accounts.account_by_id[account_id])
            if grid is not None:
                book.close(account_id, grid, now, now + _UNDER_WAY)
        return book

    async def _count_shared(self, tx: Connection) -> None:
        """Count under the caps that several accounts share."""
        self._counted.begin()
        # Other books go on with what was known until this is whole; and what was
        # counted of recipients, of whom there are ever more, is left behind with it.
        counts = Counts()
        caps = {i: shared for i, shared in self._shared.items() if shared}
        if caps:
            book = SlotBook(self._accounts, self._rules, self._clock.now(), counts)
            await self._count(tx, book, caps)
        self._counts, self._book = counts, None
        self._counted.end()

    async def _count_extra(self, tx: Connection, book: SlotBook, wishes: Sequence[Wish]) -> None:
        """Count under the caps of those whom the wishes are about.

        Most people have room for all that is planned for them, and their
        counts need not be known.
        """
        asked: Counter[str] = Counter()
        extra: dict[str, Cap] = {}
        for wish in wishes:
            keys = self.extra_keys(wish.draw)
            asked.update(keys)
            if keys and not extra.keys() >= set(keys):
                extra.update({c.key: c for c in self._rules.caps(wish.draw) if c.key in keys})
        found = {key: cap for key, cap in extra.items() if cap.at_most < MOST_PER_DAY}
        if not found:
            return
        book.forget(found)
        question = self._question(list(found.values()), accounts=[])
        most = {key: cap.at_most - asked[key] for key, cap in found.items()}
        for key, start, count in (await slots.read(tx, question)).used:
            book.add(found[key], start, count)
            most[key] -= count
        full = await slots.crowded(tx, most)
        if full:
            ways = _ways(found.values())
            by_way = [[k for k in full if ways[k] == way] for way in question.ways]
            for key, start, count in (
                await slots.read(tx, replace(question, keys=[], extra=by_way))
            ).extra:
                book.add(found[key], start, count)

    async def _count(
        self,
        tx: Connection,
        book: SlotBook,
        caps: Mapping[str, Sequence[Cap]],
        *,
        paced: Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        """Count under the caps of accounts, and read the times of those that are paced."""
        by_key = {cap.key: cap for some in caps.values() for cap in some}
        if not by_key and not paced:
            return
        question = self._question(list(by_key.values()), accounts=list(caps))
        now = self._clock.now()
        plans = await slots.read(tx, question.paced_between(paced, since or now, until or now))
        for account_id, seconds in plans.seconds.items():
            book.learn(account_id, seconds)
        by_way: dict[tuple[int, str], list[Cap]] = {}
        numbers = {way: n for n, way in enumerate(question.ways)}
        ways = _ways(by_key.values())
        for account_id, some in caps.items():
            for cap in some:
                by_way.setdefault((numbers[ways[cap.key]], account_id), []).append(cap)
        for number, account_id, start, count in plans.counts:
            for cap in by_way.get((number, account_id), ()):
                book.add(cap, start, count)
        for account_id, day, count in plans.firsts:
            book.add_firsts(account_id, day, count)
        for key, start, count in plans.used:
            book.add(by_key[key], start, count)

    def _question(self, caps: Sequence[Cap], *, accounts: Sequence[str]) -> Question:
        now = self._clock.now()
        begin = [c.window.bucket(now)[0] - c.window.earlier * c.window.grain for c in caps]
        return Question(
            counted=accounts,
            ways=sorted(set(_ways(caps).values()), key=str),
            zone=self._accounts.organisation.time_zone,
            keys=[cap.key for cap in caps],
            used_since=min(begin, default=now),
        )


class _Age:
    """Whether something that was counted may still be used."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at: tuple[float, datetime] | None = None
        self._keep_seconds = _FRESH_SECONDS

    def begin(self) -> None:
        """It is counted now."""
        self._at = self._clock.monotonic(), self._clock.now()

    def end(self) -> None:
        """It was counted: what took long is kept for longer."""
        if self._at is not None:
            took = self._clock.monotonic() - self._at[0]
            self._keep_seconds = max(_FRESH_SECONDS, took / _SHARE_OF_TIME)

    def forget(self) -> None:
        """Count anew at the next occasion."""
        self._at = None

    def is_fresh(self) -> bool:
        """Whether it need not be counted anew."""
        if self._at is None:
            return False
        passed = self._clock.monotonic() - self._at[0]
        return passed < self._keep_seconds and self._clock.now() - self._at[1] < _FRESH_SPAN


def _ways(caps: Iterable[Cap]) -> Mapping[str, Counting]:
    """How each key is counted: of one zone in its finest unit, since days make up weeks and months.

    One pass over the plan does for all of a zone.
    """
    caps = list(caps)
    finest: dict[str, Counting] = {}
    for way in sorted({counting_of(cap) for cap in caps}, key=_coarseness, reverse=True):
        if way.unit is not None:
            finest[way.zone] = way
    return {
        cap.key: finest[way.zone] if way.unit is not None else way
        for cap in caps
        for way in (counting_of(cap),)
    }


def _coarseness(way: Counting) -> int:
    return _UNITS.index(way.unit) if way.unit is not None else -1


def _binding(caps: Iterable[Cap]) -> Sequence[Cap]:
    """Those that could ever bind anything."""
    return [cap for cap in caps if cap.at_most < MOST_PER_DAY]
