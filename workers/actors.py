"""The dramatiq actors: thin, one line each, over whatever the process was built with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import dramatiq
import structlog

from cadenza.errors import traced
from cadenza.model import BatchId
from monitoring.metrics import Actor, WorkerMetrics
from workers.broker import APPLY_EVENTS, CHORES, DELIVER, ENROLL, NOTIFY, HintBroker
from workers.eventloop import EventLoopThread

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """What the actors call, on the process's event loop."""

    deliver: Callable[[BatchId], Awaitable[None]]
    apply_events: Callable[[], Awaitable[object]]
    notify: Callable[[], Awaitable[object]]
    enroll: Callable[[str], Awaitable[object]]


def declare(
    broker: HintBroker, loop: EventLoopThread, handlers: Handlers, metrics: WorkerMetrics
) -> None:
    """Register the actors. What fails is logged, and found again by lease or sweep."""

    def actor(
        name: str, queue: str, label: Actor, handler: Callable[..., Awaitable[object]]
    ) -> None:
        async def handle(*args: object, **named: object) -> None:
            try:
                with metrics.actor_duration.labels(label).time():
                    await handler(*args, **named)
            except Exception as error:  # noqa: BLE001 - rows are found again by lease or sweep
                metrics.actor_failures.labels(label).inc()
                log.error("actor_failed", actor=name, error=traced(error))

        register = dramatiq.actor(actor_name=name, queue_name=queue, broker=broker)
        # Also what handlers do not take: dramatiq would log the whole message, people and all.
        register(lambda *args, **named: loop.call(handle(*args, **named)))

    actor(DELIVER, DELIVER, Actor.DELIVER, handlers.deliver)
    actor(APPLY_EVENTS, CHORES, Actor.APPLY, handlers.apply_events)
    actor(NOTIFY, CHORES, Actor.NOTIFY, handlers.notify)
    actor(ENROLL, CHORES, Actor.ENROLL, handlers.enroll)
