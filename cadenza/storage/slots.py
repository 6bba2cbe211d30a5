"""Which times of sender accounts are taken, and how full their windows are, from what is planned.

Nothing is kept for this: the plan itself says it. Whoever leaves the plan
frees a time by leaving.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cadenza.accounts import Unit
from cadenza.pacing.caps import Cap
from cadenza.storage.database import Connection, Row

_LOCK = 7239483


@dataclass(frozen=True, kw_only=True)
class Counting:
    """One way of counting: a unit of a zone's calendar, or slices of so many seconds."""

    unit: Unit | None
    zone: str
    seconds: int


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be known.

    counted: accounts whose touches are counted, in each of the ways. extra:
    keys under which touches count besides, for each way. zone: in whose
    days first touches are counted. keys: counters of what left, from
    `used_since` on. paced: accounts whose times are asked for, from
    `since` to `until`.
    """

    counted: Sequence[str]
    ways: Sequence[Counting]
    zone: str
    keys: Sequence[str]
    used_since: datetime
    extra: Sequence[Sequence[str]] = ()
    paced: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def paced_between(self, paced: Sequence[str], since: datetime, until: datetime) -> "Question":
        """The same, and when these accounts are taken."""
        return replace(self, paced=paced, since=since, until=until)


@dataclass(frozen=True, kw_only=True)
class Plans:
    """What is planned.

    seconds: account → day since 1970 → seconds since 1970. counts: (number
    of the way, account, beginning, touches). extra, used: (key, beginning,
    touches). firsts: (account, day of the organisation, first touches).
    """

    seconds: dict[str, dict[int, Sequence[int]]] = field(default_factory=dict)
    counts: list[tuple[int, str, datetime, int]] = field(default_factory=list)
    extra: list[tuple[str, datetime, int]] = field(default_factory=list)
    firsts: list[tuple[str, datetime, int]] = field(default_factory=list)
    used: list[tuple[str, datetime, int]] = field(default_factory=list)


def counting_of(cap: Cap) -> Counting:
    """How the touches under a cap are counted."""
    unit = cap.window.period.unit
    if unit is None:
        return Counting(unit=None, zone="", seconds=int(cap.window.grain.total_seconds()))
    return Counting(unit=unit, zone=cap.window.zone, seconds=0)


async def lock(tx: Connection) -> None:
    """Let nobody else give times of accounts with a gap away until the transaction ends.

    One lock for all of them: a transaction asks several times, for accounts
    that it cannot know before, and with a lock for each account two of them
    would wait for each other in a circle. Batches mix accounts, so most
    would want most of these locks anyway.
    """
    await tx.execute("select pg_advisory_xact_lock($1)", _LOCK)


async def crowded(db: Connection, most: Mapping[str, int]) -> set[str]:
    """Keys under which more touches are planned than that, at whatever time."""
    rows = await db.fetch(
        """select key from unnest($1::text[], $2::int[]) as k (key, most)
        where (select count(*) from due where draws is not null and draws @> array[key]) > most""",
        list(most),
        list(most.values()),
    )
    return {row["key"] for row in rows}


async def read(db: Connection, question: Question) -> Plans:
    """All of it in one statement."""
    values: list[object] = []

    def value(of: object) -> str:
        values.append(of)
        return f"${len(values)}"

    parts = []
    if question.keys:
        parts.append(_USED.format(value(question.keys), value(question.used_since)))
    if question.paced:
        since, until = value(question.since), value(question.until)
        parts.append(_SECONDS.format(value(question.paced), since, until))
    if question.counted:
        accounts = value(question.counted)
        parts.append(_FIRSTS.format(accounts, value(question.zone)))
        parts += [
            _COUNTS.format(n, accounts, _start(way, value)) for n, way in enumerate(question.ways)
        ]
    for way, keys in zip(question.ways, question.extra, strict=False):
        if keys:
            parts.append(_EXTRA.format(value(keys), _start(way, value)))
    plans = Plans()
    if parts:
        for row in await db.fetch(" union all ".join(parts), *values):
            _sort_in(plans, row)
    return plans


def _sort_in(plans: Plans, row: Row) -> None:
    kind, name, start, n = row["kind"], row["name"], row["start"], row["n"]
    if kind == -1:
        plans.seconds.setdefault(name, {})[n] = row["seconds"]
    elif kind == -2:
        plans.used.append((name, start, n))
    elif kind == -3:
        plans.firsts.append((name, start, n))
    elif kind == -4:
        plans.extra.append((name, start, n))
    else:
        plans.counts.append((kind, name, start, n))


_SECONDS = """select -1 as kind, account as name, null::timestamptz as start,
        second / 86400 as n, array_agg(second) as seconds
    from (select account, extract(epoch from due_at)::bigint as second from due
        where account = any({0}::text[]) and due_at >= {1} and due_at < {2}) as planned
    group by account, second / 86400"""
_USED = """select -2 as kind, key as name, window_start as start, used::bigint as n,
        null::bigint[] as seconds
    from quota_use join unnest({0}::text[]) as k (k) on key = k
    where window_start >= {1} and used > 0"""
_FIRSTS = """select -3 as kind, account as name, date_trunc('day', due_at, {1}::text) as start,
        count(*) as n, null::bigint[] as seconds
    from due where account = any({0}::text[]) and is_first group by 2, 3"""
_COUNTS = """select {0} as kind, account as name, {2} as start, count(*) as n,
        null::bigint[] as seconds
    from due where account = any({1}::text[]) group by 2, 3"""
_EXTRA = """select -4 as kind, key as name, {1} as start, count(*) as n,
        null::bigint[] as seconds
    from unnest({0}::text[]) as k (key)
    join due on draws is not null and draws @> array[key] group by 2, 3"""


def _start(way: Counting, value: Callable[[object], str]) -> str:
    """Where the bucket begins that a row is counted in."""
    if way.unit is not None:
        return f"date_trunc('{way.unit}', due_at, {value(way.zone)}::text)"
    seconds = way.seconds
    return f"to_timestamp(floor(extract(epoch from due_at) / {seconds}) * {seconds})"
