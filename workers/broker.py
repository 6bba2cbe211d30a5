"""dramatiq as the carrier of hints.

A message says only "look at batch 7" or "there are events". It may be
lost or come twice: the row in PostgreSQL is the truth, and the
scheduler's reaper hints again. So none of dramatiq's delays, retries,
results or time limits are used (docs/adr/0003).
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dramatiq
import redis
import structlog
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from redis.backoff import NoBackoff
from redis.retry import Retry

from cadenza.model import BatchId

log = structlog.get_logger(__name__)

DELIVER = "deliver"
CHORES = "chores"
APPLY_EVENTS = "apply_events"
NOTIFY = "notify"
ENROLL = "enroll"


MOST_UNREAD = 1_000
_BELLS = 64
_FULL_SECONDS = 0.005


class HintBroker(RedisBroker):
    """A Redis broker without delay queues, whose consumers are woken instead of polling.

    A delay queue would cost a polling thread for nothing. And a poll costs
    either time (the hint waits for it) or processor (it asks in vain): so
    every message also rings a bell, an entry in a list beside the queue, and
    an idle consumer blocks on it. A bell that is lost costs one time-out.
    """

    def declare_queue(self, queue_name: str) -> None:
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def enqueue(
        self, message: dramatiq.Message[Any], *, delay: int | None = None
    ) -> dramatiq.Message[Any]:
        enqueued = super().enqueue(message, delay=delay)
        bell = self.bell(message.queue_name)
        with self.client.pipeline(transaction=False) as pipe:
            pipe.lpush(bell, b"1")
            pipe.ltrim(bell, 0, _BELLS - 1)
            pipe.execute()
        return enqueued

    def unread(self, queue_name: str) -> int:
        """How many messages wait in a queue."""
        return int(self.client.llen(f"{self.namespace}:{queue_name}"))

    def bell(self, queue_name: str) -> str:
        """The list that an idle consumer of this queue blocks on."""
        return f"{self.namespace}:bell:{queue_name}"

    @property
    def consumer_class(self) -> type["HintConsumer"]:
        return HintConsumer


class HintConsumer(_RedisConsumer):
    """Fetches as dramatiq does; when there is nothing, waits for the bell, at most the time-out."""

    def __init__(self, broker: HintBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        # The base class would sleep for its time-out after each fetch in vain.
        super().__init__(broker, queue_name, prefetch, 0)  # type: ignore[no-untyped-call]
        self._bell = broker.bell(queue_name)
        self._client: redis.Redis = broker.client
        self._seconds = timeout / 1000

    def __next__(self) -> dramatiq.MessageProxy | None:
        message: dramatiq.MessageProxy | None = super().__next__()  # type: ignore[no-untyped-call]
        if message is None and self.outstanding_message_count >= self.prefetch:
            # Nothing was asked for: leave the bells to those who have room.
            time.sleep(_FULL_SECONDS)
        elif message is None:
            try:
                self._client.blpop([self._bell], timeout=self._seconds)
            except redis.ConnectionError as error:
                raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
        return message


def make_broker(redis_url: str, middleware: Sequence[dramatiq.Middleware] = ()) -> HintBroker:
    """A broker on `redis_url` that never retries a command by itself."""
    client = redis.Redis.from_url(
        redis_url, retry=Retry(NoBackoff(), 0), socket_timeout=5.0, socket_connect_timeout=5.0
    )
    broker = HintBroker(client=client, middleware=list(middleware))  # type: ignore[no-untyped-call]
    for queue in (DELIVER, CHORES):
        broker.declare_queue(queue)
    return broker


class DramatiqHints:
    """`cadenza.abc.HintQueue` over a broker; enqueueing happens in one thread of its own.

    A hint that cannot be enqueued is dropped: it will be given again. So
    is one to a queue in which many wait unread: where no worker is, they
    would pile up for days.
    """

    def __init__(self, broker: HintBroker) -> None:
        self._broker = broker
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hints")

    async def batches(self, batch_ids: Sequence[BatchId]) -> None:
        """See `HintQueue.batches`."""
        if batch_ids:
            await self._enqueue([_message(DELIVER, DELIVER, batch_id) for batch_id in batch_ids])

    async def events(self) -> None:
        """See `HintQueue.events`."""
        await self._enqueue([_message(CHORES, APPLY_EVENTS)])

    async def sweep(self) -> None:
        """See `HintQueue.sweep`."""
        await self._enqueue([_message(CHORES, APPLY_EVENTS), _message(CHORES, NOTIFY)])

    def close(self) -> None:
        """Let the thread finish."""
        self._thread.shutdown()
        self._broker.client.close()

    async def _enqueue(self, messages: Sequence[dramatiq.Message[None]]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._put, messages)

    def _put(self, messages: Sequence[dramatiq.Message[None]]) -> None:
        try:
            unread = {name: self._broker.unread(name) for name in {m.queue_name for m in messages}}
            for message in messages:
                if unread[message.queue_name] < MOST_UNREAD:
                    self._broker.enqueue(message)
        except redis.RedisError:
            log.warning("redis_away_hints_dropped")


def _message(queue: str, actor: str, *args: int) -> dramatiq.Message[None]:
    return dramatiq.Message(queue_name=queue, actor_name=actor, args=args, kwargs={}, options={})
