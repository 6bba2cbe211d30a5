"""Actors: what fails inside them is told without what it was about."""

import dramatiq
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from monitoring.metrics import WorkerMetrics
from workers.actors import Handlers, declare
from workers.broker import APPLY_EVENTS, ENROLL, make_broker
from workers.eventloop import EventLoopThread


async def nothing(*_: object) -> None:
    """Does it."""


async def fail() -> None:
    raise LookupError("ada@example.com")


def test_a_failing_actor_is_counted_and_logged_without_personal_data(redis_url: str) -> None:
    registry, loop, broker = CollectorRegistry(), EventLoopThread(), make_broker(redis_url)
    handlers = Handlers(deliver=nothing, apply_events=fail, notify=nothing, enroll=nothing)
    declare(broker, loop, handlers, WorkerMetrics(registry))
    with capture_logs() as logs:
        broker.get_actor(APPLY_EVENTS).fn()
    loop.close()
    broker.client.close()
    (entry,) = logs
    assert entry["actor"] == APPLY_EVENTS
    assert "LookupError at test_actors.py" in entry["error"]
    assert "ada" not in str(entry)
    failures = registry.get_sample_value("cadenza_actor_failures_total", {"actor": "apply"})
    assert failures == 1


def test_a_message_with_wrong_arguments_is_told_without_them(redis_url: str) -> None:
    registry, loop, broker = CollectorRegistry(), EventLoopThread(), make_broker(redis_url)
    handlers = Handlers(deliver=nothing, apply_events=fail, notify=nothing, enroll=nothing)
    declare(broker, loop, handlers, WorkerMetrics(registry))
    actor: dramatiq.Actor[..., object] = broker.get_actor(ENROLL)
    with capture_logs() as logs:
        actor(document="ada@example.com")  # raising, it would be logged by dramatiq, people and all
    loop.close()
    broker.client.close()
    assert [entry["actor"] for entry in logs] == [ENROLL]
    assert "ada" not in str(logs)
