"""`cadenza worker`: one process with a dramatiq worker, one event loop and the intake."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import dramatiq
from prometheus_client import CollectorRegistry

from cadenza.limits import LimitRules
from cadenza.settings import Settings
from cadenza.storage import recounting
from cadenza.storage.database import Database
from console.processes.common import (
    Parts,
    identity,
    observed,
    open_parts,
    redis_client,
    tell_missing_groups,
    wait_for_fence,
)
from monitoring.metrics import Process, WorkerMetrics
from senders.registry import sender_types
from workers.actors import Handlers, declare
from workers.apply_events import EventApplier
from workers.attempts import Attempts
from workers.broker import make_broker
from workers.deliver import Delivery
from workers.enroll import Enroller
from workers.eventloop import EventLoopThread
from workers.intake import Intake, enrollments, signals
from workers.journal import JournalWriter
from workers.limiter import RedisLimiter
from workers.notify import Notifier
from workers.render import Renderer
from workers.sender_pool import SenderPool
from workers.take_signals import SignalTaker

_STOP_MILLISECONDS = 30_000
_GATHER_SECONDS = 0.004


@dataclass(frozen=True, kw_only=True)
class _Running:
    """What is open on the loop of a worker process."""

    handlers: Handlers
    metrics: WorkerMetrics


def run(settings: Settings) -> None:
    """Work until SIGTERM; what is in hand is finished first."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    loop = EventLoopThread()
    opened = _open(settings, stop.is_set)
    running = loop.call(opened.__aenter__())
    if running is not None:
        _work(settings, loop, running, stop)
    loop.call(opened.__aexit__(None, None, None))
    loop.close()


def _work(
    settings: Settings, loop: EventLoopThread, running: _Running, stop: threading.Event
) -> None:
    broker = make_broker(settings.redis_url)
    declare(broker, loop, running.handlers, running.metrics)
    worker = dramatiq.Worker(
        broker,
        worker_timeout=settings.worker_poll_milliseconds,
        worker_threads=settings.worker_threads,
    )
    worker.start()
    stop.wait()
    worker.stop(timeout=_STOP_MILLISECONDS)


@asynccontextmanager
async def _open(settings: Settings, stopping: Callable[[], bool]) -> AsyncIterator[_Running | None]:
    """Everything, once the database is ours; None if told to stop before that."""
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(
            open_parts(settings, pool_size=settings.worker_threads + 4)
        )
        registry = await stack.enter_async_context(observed(Process.WORKER, settings))
        # Before that it takes nothing from Redis either, which may be the live one's.
        is_ours = await wait_for_fence(parts, stopping)
        yield await _build(parts, registry, stack) if is_ours else None


async def _build(parts: Parts, registry: CollectorRegistry, stack: AsyncExitStack) -> _Running:
    settings, metrics, name = parts.settings, WorkerMetrics(registry), identity()
    redis = redis_client(settings)
    stack.push_async_callback(redis.aclose)
    senders = SenderPool(sender_types())
    stack.push_async_callback(senders.close)
    # The journal is an unlogged table: a crash of PostgreSQL empties it, and says so.
    hasty = Database(settings.database_url, pool_size=1, durable=False)
    stack.push_async_callback(hasty.close)
    journal = JournalWriter(hasty, metrics)
    await journal.open()
    stack.push_async_callback(journal.close)
    limiter = RedisLimiter(redis, parts.clock)
    rules = LimitRules(parts.accounts)
    # The accounts file may be another one than that of whoever sent before.
    async with parts.database.transaction() as tx:
        await recounting.recount(tx, parts.accounts, rules, parts.clock.now())
    await tell_missing_groups(parts)
    delivery = Delivery(
        worker=name,
        database=parts.database,
        course=parts.course,
        catalog=parts.catalog,
        accounts=parts.accounts,
        limiter=limiter,
        rules=rules,
        attempts=Attempts(senders, journal, limiter, parts.clock, metrics),
        journal_writer=journal,
        renderer=Renderer(parts.accounts, parts.links),
        clock=parts.clock,
        fence=parts.fence,
        lease_seconds=settings.batch_lease_seconds,
        metrics=metrics,
    )
    enroller = Enroller(database=parts.database, course=parts.course)
    applier = EventApplier(
        database=parts.database, course=parts.course, catalog=parts.catalog, clock=parts.clock
    )
    notifier = Notifier(
        database=parts.database,
        accounts=parts.accounts,
        senders=senders,
        links=parts.links,
        clock=parts.clock,
        fence=parts.fence,
    )

    gathering = False

    async def apply_and_notify() -> None:
        nonlocal gathering
        if gathering:
            return  # what this hint is about is stored, and will be taken with the rest
        gathering = True
        # Events come in flocks: a transaction for many costs little more than for one.
        await asyncio.sleep(_GATHER_SECONDS)
        gathering = False
        # What an event owes its owner leaves at once, not at the next sweep.
        if await applier.apply_all():
            await notifier.notify_all()

    taker = SignalTaker(database=parts.database, ground=parts.ground)
    intakes = [
        Intake(client=redis, inlet=inlet, consumer=name)
        for inlet in (enrollments(enroller.enroll), signals(taker.take))
    ]
    for coroutine in (*(intake.run() for intake in intakes), delivery.keep_leases()):
        task = asyncio.create_task(coroutine)
        stack.push_async_callback(_cancel, task)
    return _Running(
        metrics=metrics,
        handlers=Handlers(
            deliver=delivery.deliver,
            apply_events=apply_and_notify,
            notify=notifier.notify_all,
            enroll=lambda document: enroller.enroll(document.encode()),
        ),
    )


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
