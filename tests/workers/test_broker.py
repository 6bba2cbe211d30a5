"""Hints through dramatiq on a real Valkey."""

import queue
import time
from collections.abc import Iterator

import dramatiq
import pytest
import redis

from tests.support.eventually import PATIENCE_SECONDS
from workers.broker import CHORES, DELIVER, DramatiqHints, HintBroker, make_broker


@pytest.fixture
def heard() -> "queue.Queue[tuple[str, tuple[int, ...]]]":
    return queue.Queue()


@pytest.fixture
def broker(
    redis_url: str,
    heard: "queue.Queue[tuple[str, tuple[int, ...]]]",
    request: pytest.FixtureRequest,
) -> Iterator[HintBroker]:
    """A broker with a worker that notes what it hears; waits for a bell so many milliseconds."""
    made = make_broker(redis_url)
    for name, queue_name in (("deliver", DELIVER), ("apply_events", CHORES), ("notify", CHORES)):
        dramatiq.actor(actor_name=name, queue_name=queue_name, broker=made)(
            lambda *args, name=name: heard.put((name, args))
        )
    worker = dramatiq.Worker(made, worker_timeout=getattr(request, "param", 1000), worker_threads=2)
    worker.start()
    yield made
    worker.stop(timeout=5000)
    made.client.close()


async def test_a_hint_wakes_an_idle_worker(
    broker: HintBroker, redis_url: str, heard: "queue.Queue[tuple[str, tuple[int, ...]]]"
) -> None:
    hints = DramatiqHints(make_broker(redis_url))
    began = time.monotonic()
    for n in range(20):
        await hints.batches([n])  # type: ignore[list-item]
        assert heard.get(timeout=PATIENCE_SECONDS) == ("deliver", (n,))
    assert time.monotonic() - began < 10, "each bell that is lost costs a second"
    hints.close()


@pytest.mark.parametrize("broker", [100], indirect=True)
async def test_a_hint_whose_bell_was_lost_is_heard_at_the_time_out(
    broker: HintBroker, redis_url: str, heard: "queue.Queue[tuple[str, tuple[int, ...]]]"
) -> None:
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=DELIVER, actor_name="deliver", args=(7,), kwargs={}, options={}
    )
    # The base class enqueues without a bell.
    super(HintBroker, broker).enqueue(message)
    assert heard.get(timeout=PATIENCE_SECONDS) == ("deliver", (7,))


async def test_hints_after_a_wipe_are_heard(
    broker: HintBroker, redis_url: str, heard: "queue.Queue[tuple[str, tuple[int, ...]]]"
) -> None:
    hints = DramatiqHints(make_broker(redis_url))
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    await hints.events()
    assert heard.get(timeout=PATIENCE_SECONDS) == ("apply_events", ())
    await hints.sweep()
    assert {heard.get(timeout=PATIENCE_SECONDS)[0] for _ in range(2)} == {"apply_events", "notify"}
    hints.close()


async def test_a_dead_redis_drops_hints_and_raises_nothing() -> None:
    hints = DramatiqHints(make_broker("unix:///nonexistent/valkey.sock"))
    await hints.batches([1])  # type: ignore[list-item]
    hints.close()


async def test_bells_do_not_pile_up(redis_url: str) -> None:
    broker = make_broker(redis_url)
    hints = DramatiqHints(broker)
    await hints.batches(range(500))  # type: ignore[arg-type]
    assert broker.client.llen(broker.bell(DELIVER)) == 64
    hints.close()
