"""A worker and a scheduler in this process, on real servers, with a sender that tests script."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from cadenza.abc import Begin, Sender, SenderFeatures
from cadenza.accounts import Accounts, SenderAccount
from cadenza.catalog import Catalog, apply_cadence
from cadenza.course.course import Course
from cadenza.fence import Fence
from cadenza.ground import Ground
from cadenza.limits import LimitRules
from cadenza.links import Links, LinkSigner
from cadenza.model import Accepted, BatchId, Channel, Outbound
from cadenza.storage.database import Database, Row
from cadenza.storage.receipts import Receipt
from monitoring.metrics import SchedulerMetrics, WorkerMetrics
from scheduler.loop import Pace, Scheduler
from tests.support.clocks import SetClock
from workers.apply_events import EventApplier
from workers.attempts import Attempts
from workers.deliver import Delivery
from workers.enroll import Enroller
from workers.journal import JournalWriter
from workers.limiter import RedisLimiter
from workers.notify import Notifier
from workers.render import Renderer
from workers.sender_pool import SenderPool
from workers.take_signals import SignalTaker

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)

TWO_MAILS: Mapping[str, str] = {
    "two.yaml": """
cadence: two
title: Two mails
objective: meeting_booked
days: business
window: {days: mon-fri, hours: "09:00-17:00"}
from: {email: outreach}
exit: {replied: stop, bounced: stop, unsubscribed: stop, complained: stop, meeting_booked: won}
steps:
  - step: hello
    email: hello
    day: 1
  - step: again
    email: again
    thread: reply
    day: 3
  - step: done
    end: no_response
""",
    "templates/hello.liquid": (
        '---\nsubject: "Hello {{ prospect.first_name }}"\n---\n'
        "Dear {{ prospect.first_name }},\n\nsee [this](https://example.com/a?b=1&c=2).\n"
    ),
    "templates/again.liquid": "---\n---\nOnce more, {{ prospect.first_name }}.\n",
}


@dataclass
class World:
    """What the scripted sender saw and will do. answers: per recipient, else accepted."""

    sent: list[Outbound] = field(default_factory=list)
    answers: dict[str, Exception] = field(default_factory=dict)
    before_begin: Callable[[Outbound], Awaitable[None]] | None = None
    after_begin: Callable[[Outbound], Awaitable[None]] | None = None


def scripted_sender(world: World) -> type[Sender]:
    """A sender type whose sends go to `world`."""

    class ScriptedSender(Sender):
        channel: ClassVar[Channel] = Channel.EMAIL
        provider: ClassVar[str] = "scripted"
        features = SenderFeatures(concurrency=4)

        @classmethod
        def route(cls, account: SenderAccount) -> str:
            return account.id

        @classmethod
        def for_account(cls, account: SenderAccount) -> Sender:
            return cls()

        async def open(self) -> None:
            """Nothing to open."""

        async def close(self) -> None:
            """Nothing to close."""

        async def send(self, touch: Outbound, begin: Begin) -> Accepted:
            if world.before_begin:
                await world.before_begin(touch)
            answer = world.answers.get(touch.recipient)
            if answer is not None and not getattr(answer, "after_begin", False):
                raise answer
            await begin()
            world.sent.append(touch)
            if world.after_begin:
                await world.after_begin(touch)
            if answer is not None:
                raise answer
            return Accepted(provider_id=f"<{touch.touch_id}@scripted>")

    return ScriptedSender


class RecordedHints:
    """Keeps hints for the test to act on."""

    def __init__(self) -> None:
        self.released: list[BatchId] = []

    async def batches(self, batch_ids: Sequence[BatchId]) -> None:
        self.released += batch_ids

    async def events(self) -> None:
        """The test applies events itself."""

    async def sweep(self) -> None:
        """The test sweeps itself."""


def accounts(
    *, per_day: int = 1000, min_gap: str = "0 seconds", count: int = 1, **limits: Any
) -> Accounts:
    """An accounts file of `count` mailboxes, the scripted provider's. limits: further ones."""
    return Accounts.model_validate(
        {
            "organisation": {"name": "Northwind", "postal_address": "1 Quay Street"},
            "owners": [{"id": "anna", "name": "Anna", "email": "anna@reps.example"}],
            "accounts": [
                {
                    "id": f"mail-{n}",
                    "channel": "email",
                    "provider": "scripted",
                    "address": f"anna{n}@send.example",
                    "group": "outreach",
                    "limits": {"per_day": per_day, "min_gap": min_gap, **limits},
                }
                for n in range(count)
            ],
        }
    )


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The parts that a test drives."""

    database: Database
    clock: SetClock
    world: World
    hints: RecordedHints
    scheduler: Scheduler
    delivery: Delivery
    applier: EventApplier
    enroller: Enroller
    signals: SignalTaker
    notifier: Notifier
    ground: Ground
    course: Course
    catalog: Catalog
    accounts: Accounts
    links: Links
    metrics: WorkerMetrics

    async def enroll(
        self, count: int = 1, *, key: str = "k", prefix: str = "p", **fields: Any
    ) -> Receipt:
        """Enroll p1@example.com … in the applied cadence."""
        rows = [
            {"email": f"{prefix}{n}@example.com", "first_name": "Zoé", "country": "FR", **fields}
            for n in range(1, count + 1)
        ]
        document = {
            "key": key,
            "cadence": await self.value("select name from cadence"),
            "prospects": rows,
        }
        return await self.enroller.enroll(json.dumps(document).encode())

    async def apply(self, text: str) -> None:
        """Apply a cadence that needs no templates."""
        async with self.database.transaction() as tx:
            await apply_cadence(tx, {"cadence.yaml": text}, self.clock.now())

    async def run(self, days: float) -> None:
        """Let `days` pass, doing whatever comes due on the way."""
        until = self.clock.now() + timedelta(days=days)
        while True:
            await self.work()
            moment = await self.value("select min(due_at) from due")
            if moment is None or moment > until:
                break
            self.clock.advance(max(timedelta(), moment - self.clock.now()))
        self.clock.advance(max(timedelta(), until - self.clock.now()))

    async def work(self) -> None:
        """Do what is due now."""
        while True:
            busy = await self.scheduler.make_pass()
            released, self.hints.released = self.hints.released, []
            await asyncio.gather(*(self.delivery.deliver(batch_id) for batch_id in released))
            busy |= bool(await self.applier.apply_all())
            if not busy:
                return

    async def release(self) -> Sequence[BatchId]:
        """One pass of the scheduler; the batches that it released."""
        await self.scheduler.make_pass()
        released, self.hints.released = self.hints.released, []
        return released

    async def rows(self, query: str, *args: object) -> Sequence[tuple[Any, ...]]:
        """Rows as tuples."""
        async with self.database.connection() as db:
            return [tuple(row.values()) for row in await db.fetch(query, *args)]

    async def value(self, query: str, *args: object) -> Any:
        """One value."""
        async with self.database.connection() as db:
            return await db.fetchval(query, *args)

    async def execute(self, statement: str, *args: object) -> None:
        """Run a statement."""
        async with self.database.connection() as db:
            await db.execute(statement, *args)

    async def row(self, query: str) -> Row | None:
        """The first row."""
        async with self.database.connection() as db:
            return await db.fetchrow(query)


@asynccontextmanager
async def pipeline(
    database_url: str,
    redis_url: str,
    *,
    file: Accounts | None = None,
    sources: Mapping[str, str] = TWO_MAILS,
    sender_types: Mapping[tuple[Channel, str], type[Sender]] | None = None,
) -> AsyncIterator[Pipeline]:
    """A whole pipeline on Monday 2026-03-02, 10:00 UTC, with a cadence applied.

    sender_types: what touches leave through; the scripted sender if not given.
    """
    clock = SetClock(MONDAY)
    file = file or accounts()
    world, hints, catalog = World(), RecordedHints(), Catalog()
    fence = Fence("test", clock)
    metrics = WorkerMetrics(CollectorRegistry())
    links = Links(
        signer=LinkSigner([b"0" * 32]), public_url="https://go.example", mail_domain="a.example"
    )
    kind = scripted_sender(world)
    senders = SenderPool(sender_types or {(kind.channel, kind.provider): kind})
    async with AsyncExitStack() as stack:
        stack.push_async_callback(senders.close)
        database = await stack.enter_async_context(Database(database_url))
        redis = Redis.from_url(redis_url)
        limiter = RedisLimiter(redis, clock)
        stack.push_async_callback(redis.aclose)
        ground = Ground.of(catalog, file, clock)
        course = Course(ground)
        async with database.transaction() as tx:
            await fence.check(tx)  # as whoever enrolls does when it starts
            await apply_cadence(tx, sources, clock.now())
        journal = JournalWriter(database, metrics)
        await journal.open()
        stack.push_async_callback(journal.close)
        yield Pipeline(
            database=database,
            clock=clock,
            world=world,
            hints=hints,
            ground=ground,
            course=course,
            catalog=catalog,
            accounts=file,
            links=links,
            metrics=metrics,
            scheduler=Scheduler(
                name="scheduler",
                database=database,
                hints=hints,
                course=course,
                catalog=catalog,
                clock=clock,
                fence=fence,
                pace=Pace(stage_ahead=timedelta()),
                metrics=SchedulerMetrics(CollectorRegistry()),
            ),
            delivery=Delivery(
                worker="worker",
                database=database,
                course=course,
                catalog=catalog,
                accounts=file,
                limiter=limiter,
                rules=LimitRules(file),
                attempts=Attempts(senders, journal, limiter, clock, metrics),
                journal_writer=journal,
                renderer=Renderer(file, links),
                clock=clock,
                fence=fence,
                lease_seconds=30,
                metrics=metrics,
            ),
            applier=EventApplier(database=database, course=course, catalog=catalog, clock=clock),
            enroller=Enroller(database=database, course=course),
            signals=SignalTaker(database=database, ground=ground),
            notifier=Notifier(
                database=database,
                accounts=file,
                senders=senders,
                links=links,
                clock=clock,
                fence=fence,
            ),
        )
