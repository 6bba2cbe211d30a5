"""What a statement costs: SQLAlchemy's `text()` against asyncpg's connection inside the same pool.

The statements are those of `cadenza.storage.due`: 200 planned touches
inserted out of arrays, and moved from there into a batch. Both ways run
the same SQL with the same values, turn by turn, on one connection of the
embedded PostgreSQL (without fsync: this is about what happens before it).
See docs/adr/0002.
"""

import re
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import uvloop
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from cadenza.model import SHARDS, Channel, EnrollmentId, Planned
from cadenza.storage import due
from cadenza.storage.database import Connection, Database
from cadenza.storage.due import NewPlan
from cadenza.storage.migrations import upgrade
from console.embedded import embedded_servers
from tests.support.folders import quick_folder
from tests.support.rows import NOON, enrollments

TOUCHES = 200
ROUNDS = 300
WARM_UP = 30

_PARAMETER = re.compile(r"\$(\d+)(?:::([a-z]+(?:\[\])?))?")


@dataclass
class Recorder:
    """Stands for a connection: keeps the statement that storage wanted to run."""

    query: str = ""
    args: Sequence[Any] = ()

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        self.query, self.args = query, args
        return []

    async def execute(self, query: str, *args: Any) -> str:
        await self.fetch(query, *args)
        return ""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement in both spellings."""

    name: str
    query: str
    args: Sequence[Any]
    clause: TextClause
    named: Mapping[str, Any]


async def statement(name: str, storage: Callable[[Any], Awaitable[object]]) -> Statement:
    """What `storage` runs."""
    recorder = Recorder()
    await storage(recorder)

    def named(match: re.Match[str]) -> str:
        return f"cast(:p{match[1]} as {match[2]})" if match[2] else f":p{match[1]}"

    return Statement(
        name=name,
        query=recorder.query,
        args=recorder.args,
        clause=text(_PARAMETER.sub(named, recorder.query)),
        named={f"p{n}": value for n, value in enumerate(recorder.args, 1)},
    )


async def statements(database: Database) -> tuple[Statement, Statement]:
    """The insert and the stage, for the same 200 touches."""
    async with database.transaction() as tx:
        ids = await enrollments(tx, TOUCHES)
    insert = await statement(f"insert {TOUCHES} rows", lambda tx: due.plan(tx, _plans(ids)))
    stage = await statement(
        f"move {TOUCHES} rows into a batch",
        lambda tx: due.stage(
            tx,
            scheduler="bench",
            shards=list(range(SHARDS)),
            now=NOON,
            until=NOON,
            size=TOUCHES,
            most=TOUCHES,
        ),
    )
    return insert, stage


def _plans(ids: Sequence[EnrollmentId]) -> Sequence[NewPlan]:
    planned = Planned(
        channel=Channel.EMAIL,
        step="hello",
        visit=1,
        due_at=NOON,
        window_end=NOON + timedelta(hours=4),
    )
    return [
        NewPlan(enrollment_id=e, shard=n % SHARDS, account="mail-1", planned=planned)
        for n, e in enumerate(ids)
    ]


class Stopwatch:
    """Collects microseconds that passed, and that this process computed, by what and how."""

    def __init__(self) -> None:
        self.passed: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self.computed: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

    async def time(self, what: str, how: str, work: Awaitable[object]) -> None:
        """Await `work` and note what it cost."""
        wall, cpu = time.perf_counter(), time.process_time()
        await work
        self.computed[what, how].append((time.process_time() - cpu) * 1e6)
        self.passed[what, how].append((time.perf_counter() - wall) * 1e6)

    def show(self) -> None:
        for what in dict.fromkeys(name for name, _ in self.passed):
            told = []
            for word, times in (("", self.passed), (" of Python", self.computed)):
                raw, through = (statistics.median(times[what, how]) for how in ("raw", "text"))
                told.append(
                    f"asyncpg {raw:6.0f} µs   text() {through:6.0f} µs{word}   "
                    f"ratio {through / raw:4.2f}"
                )
            print(f"  {what:36} {told[0]}")
            print(f"  {'':36} {told[1]}")


@asynccontextmanager
async def raw(pooled: AsyncConnection) -> AsyncIterator[Connection]:
    """asyncpg's connection under `pooled`, in a transaction, as `Database.transaction` has it."""
    driver: Any = (await pooled.get_raw_connection()).driver_connection
    async with driver.transaction():
        yield driver


async def measure(url: str) -> None:
    """Take turns and print."""
    watch = Stopwatch()
    async with Database(url, pool_size=1) as database:
        pair = await statements(database)
        # The same pool; on this face of it SQLAlchemy begins its transactions itself.
        engine = database.engine.execution_options(isolation_level="READ COMMITTED")
        for turn in range(WARM_UP + ROUNDS):
            if turn == WARM_UP:
                watch = Stopwatch()
            async with database.engine.connect() as pooled:
                for each in pair:
                    async with raw(pooled) as db:
                        await watch.time(each.name, "raw", db.fetch(each.query, *each.args))
            await clean(database)
            async with engine.connect() as connection:
                for each in pair:
                    async with connection.begin():
                        await watch.time(each.name, "text", through(connection, each))
            await clean(database)
            await watch.time("one row, with its transaction", "raw", small_raw(database))
            await watch.time("one row, with its transaction", "text", small_text(engine))
    watch.show()


async def through(connection: AsyncConnection, asked: Statement) -> None:
    """Run it by SQLAlchemy, and fetch what it returns."""
    result = await connection.execute(asked.clause, asked.named)
    if result.returns_rows:
        result.fetchall()


_SMALL = "select id, name from cadence where name = "
_SMALL_TEXT = text(_SMALL + ":name")


async def small_raw(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.fetch(_SMALL + "$1", "c")


async def small_text(engine: Any) -> None:
    async with engine.begin() as connection:
        (await connection.execute(_SMALL_TEXT, {"name": "c"})).fetchall()


async def clean(database: Database) -> None:
    async with database.connection() as db:
        await db.execute("delete from batch")


def main() -> None:
    """Measure and print."""
    with quick_folder() as folder, embedded_servers(folder, durable=False) as servers:
        upgrade(servers.database_url)
        uvloop.run(measure(servers.database_url))


if __name__ == "__main__":
    main()
