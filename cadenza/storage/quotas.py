"""Durable counters of what left: taken before a touch leaves, given back if it did not.

One row per key and window, or bucket of a rolling window. Whoever counts
holds the rows of all keys that it wants, in their order, until it commits;
so no two workers can take the same last place.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cadenza.accounts import Unit
from cadenza.model import TouchId
from cadenza.pacing.caps import Cap
from cadenza.storage import batches
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.database import Connection

Place = tuple[str, datetime]
"""A key and the beginning of a bucket."""

_HEAD = datetime(1970, 1, 1, tzinfo=UTC)
_FURTHEST = 400
_KEEP = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """There is no room: under which cap, when there may be, and the rule that says so."""

    key: str
    reason: str
    retry_at: datetime


@dataclass(frozen=True, kw_only=True)
class Taken:
    """ends: touches that got a place, with when it ends and the rule behind that; None: never."""

    ends: Mapping[TouchId, tuple[datetime, str] | None] = field(default_factory=dict)
    refused: Mapping[TouchId, Refusal] = field(default_factory=dict)


async def take(
    tx: Connection,
    batch: ClaimedBatch,
    wanted: Sequence[tuple[TouchId, Sequence[Cap]]],
    now: datetime,
    *,
    costs: Mapping[TouchId, int] | None = None,
) -> Taken:
    """Take places under every cap of each touch, or none; in their order.

    costs: how many places a touch takes under each of its caps, never more
    than that allows; 1 where nothing is said.
    What was taken is noted in the batch in the same transaction, so that
    whoever settles a crashed batch can give the unused part back. Of refused
    touches each gets a window with room of its own. Raises StaleLease; then
    nothing was taken.
    """
    await batches.fence(tx, batch)  # a batch is locked before counters, as when it is recorded
    caps = {cap.key: cap for _, some in wanted for cap in some}
    counters = await _hold(tx, list(caps.values()), now)
    ends: dict[TouchId, tuple[datetime, str] | None] = {}
    refused: dict[TouchId, Refusal] = {}
    for touch_id, some in wanted:
        cost = (costs or {}).get(touch_id, 1)
        full = next((cap for cap in some if not counters[cap.key].has_room(cost)), None)
        if full is not None:
            at = counters[full.key].turn(cost)
            refused[touch_id] = Refusal(key=full.key, reason=full.reason, retry_at=at)
            continue
        for cap in some:
            counters[cap.key].taken += [touch_id] * cost
        ends[touch_id] = min(((counters[cap.key].end, cap.reason) for cap in some), default=None)
    await _write(tx, batch, list(counters.values()))
    return Taken(ends=ends, refused=refused)


async def take_one(tx: Connection, caps: Sequence[Cap], now: datetime) -> Sequence[Place] | None:
    """Take a place under each of these for something that is no touch; None if one has no room."""
    counters = list((await _hold(tx, caps, now)).values())
    if not all(counter.has_room(1) for counter in counters):
        return None
    await tx.execute(
        """insert into quota_use (key, window_start, used, cap, forget_at)
        select k, s, 1, c, f from unnest($1::text[], $2::timestamptz[], $3::int[],
            $4::timestamptz[]) as t (k, s, c, f) order by k, s
        on conflict (key, window_start) do update set
            used = quota_use.used + 1, forget_at = excluded.forget_at""",
        [c.cap.key for c in counters],
        [c.start for c in counters],
        [c.limit for c in counters],
        [forget_at(c.cap, c.start, c.end) for c in counters],
    )
    return [(c.cap.key, c.start) for c in counters]


async def full(db: Connection, caps: Iterable[Cap], now: datetime) -> set[str]:
    """Keys of those calendar caps that have no room now, by a look that holds nothing."""
    known = {cap.key: cap for cap in caps if not cap.window.earlier}
    starts = {key: cap.window.bucket(now)[0] for key, cap in known.items()}
    rows = await db.fetch(
        """select key, used from quota_use
        join unnest($1::text[], $2::timestamptz[]) as t (k, s) on key = k and window_start = s""",
        list(starts),
        list(starts.values()),
    )
    return {
        row["key"] for row in rows if row["used"] >= known[row["key"]].limit_at(starts[row["key"]])
    }


async def give_back(tx: Connection, unused: Mapping[Place, int]) -> None:
    """Return places that were taken and not used."""
    ordered = sorted((place, n) for place, n in unused.items() if n > 0)
    if ordered:
        await tx.execute(
            """update quota_use set used = greatest(0, used - n)
            from (select key as k, window_start as s, n from quota_use
                join unnest($1::text[], $2::timestamptz[], $3::int[]) as t (k, s, n)
                    on key = k and window_start = s
                order by key, window_start for update of quota_use) as held
            where key = k and window_start = s""",
            [key for (key, _), _ in ordered],
            [start for (_, start), _ in ordered],
            [n for _, n in ordered],
        )


async def used(db: Connection, places: Sequence[Place]) -> Mapping[Place, int]:
    """What was counted there; what was not is missing."""
    rows = await db.fetch(
        """select key, window_start, used from quota_use
        join unnest($1::text[], $2::timestamptz[]) as t (k, s) on key = k and window_start = s""",
        [key for key, _ in places],
        [start for _, start in places],
    )
    return {(row["key"], row["window_start"]): row["used"] for row in rows}


async def forget_old(tx: Connection, now: datetime, most: int = 60_000) -> None:
    """Remove counters that nobody asks for any more."""
    await tx.execute(
        """delete from quota_use where (key, window_start) in (
            select key, window_start from quota_use where forget_at < $1
            limit $2 for update skip locked)""",
        now,
        most,
    )


@dataclass(kw_only=True)
class _Counter:
    """One cap in the present bucket, its rows held.

    before: of earlier buckets that count too. taken: a touch once for each
    place that it took. turns: places that refused touches wait for.
    """

    cap: Cap
    start: datetime
    end: datetime
    before: Sequence[tuple[datetime, int]] = ()
    used: int = 0
    waiting: int = 0
    taken: list[TouchId] = field(default_factory=list)
    turns: int = 0

    @property
    def limit(self) -> int:
        return self.cap.limit_at(self.start)

    def has_room(self, cost: int) -> bool:
        earlier = sum(count for _, count in self.before)
        return earlier + self.used + len(self.taken) + cost <= self.limit

    def turn(self, cost: int) -> datetime:
        """When the next refused touch finds room, if nobody comes before it."""
        place = self.waiting + self.turns
        self.turns += cost
        window = self.cap.window
        if window.earlier:
            return self._room_in_rolling(place + cost)
        at = self.end
        for _ in range(_FURTHEST):
            start, end = window.bucket(at)
            room = self.cap.limit_at(start)
            if place + cost <= room:
                return start
            place, at = max(0, place - room), end
        return at

    def _room_in_rolling(self, wanted: int) -> datetime:
        """Room comes back bucket by bucket, one span after they were used."""
        window = self.cap.window
        grain = window.grain
        span = (window.earlier + 1) * grain
        now_used = self.used + len(self.taken)
        over = sum(count for _, count in self.before) + now_used - self.limit
        for start, count in sorted([*self.before, (self.start, now_used)]):
            over -= count
            if over + wanted <= 0:
                return max(start + span, self.end)
        return self.start + span


async def _hold(tx: Connection, caps: Sequence[Cap], now: datetime) -> Mapping[str, _Counter]:
    """Lock the rows of these caps in order, and read them."""
    counters: dict[str, _Counter] = {}
    for cap in sorted(caps, key=lambda c: c.key):
        start, end = cap.window.bucket(now)
        counters[cap.key] = _Counter(cap=cap, start=start, end=end)
    if not counters:
        return counters
    rows = await tx.fetch(
        """insert into quota_use (key, window_start, cap, forget_at)
        select * from unnest($1::text[], $2::timestamptz[], $3::int[], $4::timestamptz[])
            as t (k, s, c, f) order by k, s
        on conflict (key, window_start) do update set
            cap = greatest(quota_use.cap, excluded.cap), forget_at = excluded.forget_at
        returning key, used, waiting""",
        list(counters),
        [_HEAD if c.cap.window.earlier else c.start for c in counters.values()],
        [c.limit for c in counters.values()],
        [forget_at(c.cap, c.start, c.end) for c in counters.values()],
    )
    for row in rows:
        counter = counters[row["key"]]
        counter.used, counter.waiting = row["used"], row["waiting"]
    rolling = [c for c in counters.values() if c.cap.window.earlier]
    if rolling:
        await _read_rolling(tx, rolling)
    return counters


async def _read_rolling(tx: Connection, counters: Sequence[_Counter]) -> None:
    """A statement of its own: it must see what was committed while the rows were waited for."""
    rows = await tx.fetch(
        """select key, window_start, used from quota_use
        join unnest($1::text[], $2::timestamptz[]) as t (k, s)
            on key = k and window_start >= s""",
        [c.cap.key for c in counters],
        [c.start - c.cap.window.earlier * c.cap.window.grain for c in counters],
    )
    by_key = {c.cap.key: c for c in counters}
    before: dict[str, list[tuple[datetime, int]]] = {key: [] for key in by_key}
    for row in rows:
        if row["window_start"] == by_key[row["key"]].start:
            by_key[row["key"]].used = row["used"]
        else:
            before[row["key"]].append((row["window_start"], row["used"]))
    for key, counter in by_key.items():
        counter.before = before[key]


async def _write(tx: Connection, batch: ClaimedBatch, counters: Sequence[_Counter]) -> None:
    changed = [c for c in counters if c.taken or c.turns]
    if not changed:
        return
    await tx.execute(
        """with counted as (
            insert into quota_use (key, window_start, used, cap, waiting, forget_at)
            select * from unnest($2::text[], $3::timestamptz[], $4::int[], $5::int[], $6::int[],
                $7::timestamptz[]) as t (k, s, u, c, w, f) order by k, s
            on conflict (key, window_start) do update set
                used = quota_use.used + excluded.used,
                waiting = quota_use.waiting + excluded.waiting,
                forget_at = excluded.forget_at)
        update batch set reserved = reserved || $8::text::jsonb where id = $1""",
        batch.batch_id,
        [c.cap.key for c in changed],
        [c.start for c in changed],
        [len(c.taken) for c in changed],
        [c.limit for c in changed],
        [c.turns for c in changed],
        [forget_at(c.cap, c.start, c.end) for c in changed],
        json.dumps([[c.cap.key, c.start.isoformat(), c.taken] for c in changed if c.taken]),
    )


def forget_at(cap: Cap, start: datetime, end: datetime) -> datetime | None:
    """When a bucket may go; None: never. Days of accounts are the record of what was sent."""
    if cap.key.startswith("account:") and cap.window.period.unit is Unit.DAY:
        return None
    return end + cap.window.earlier * (end - start) + _KEEP


def unused(reserved: batches.Reserved, left: Iterable[TouchId]) -> Mapping[Place, int]:
    """Places that were taken for touches which are not among those that `left`."""
    gone = set(left)
    found: Counter[Place] = Counter()
    for key, start, touches in reserved:
        found[key, start] += sum(touch_id not in gone for touch_id in touches)
    return found


def cost_of(reserved: batches.Reserved, touch_id: TouchId) -> int:
    """How many places a touch took under each of its caps; 1 if it has none."""
    return max((touches.count(touch_id) for _, _, touches in reserved), default=0) or 1
