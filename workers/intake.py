"""Reads messages with enrollments and with signals from the documented Redis streams.

    XADD cadenza:enroll * message '{"key": …, "cadence": …, "prospects": […]}'
    XADD cadenza:signal * message '{"key": …, "signals": […]}'

A message is acknowledged after its receipt is committed in PostgreSQL;
the receipt is then also put at `cadenza:receipt:KEY` (of signals:
`cadenza:signal-receipt:KEY`) for a day, for producers that speak only
Redis. Producers send again, under the same key, until they see it: Redis
may be wiped while a message waits in it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from cadenza.errors import traced
from cadenza.storage.receipts import Receipt

log = structlog.get_logger(__name__)

STREAM = "cadenza:enroll"
RECEIPT_PREFIX = "cadenza:receipt:"
SIGNAL_STREAM = "cadenza:signal"
SIGNAL_RECEIPT_PREFIX = "cadenza:signal-receipt:"
_GROUP = "cadenza"
_RECEIPT_SECONDS = 86_400
_CLAIM_AFTER_MILLISECONDS = 30_000
_BLOCK_MILLISECONDS = 1_000

Entry = tuple[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Inlet:
    """A stream, what takes its messages in, and under which names their receipts are put."""

    stream: str
    receipt_prefix: str
    take: Callable[[bytes], Awaitable[Receipt]]


def enrollments(take: Callable[[bytes], Awaitable[Receipt]]) -> Inlet:
    """The stream of enrollment messages."""
    return Inlet(stream=STREAM, receipt_prefix=RECEIPT_PREFIX, take=take)


def signals(take: Callable[[bytes], Awaitable[Receipt]]) -> Inlet:
    """The stream of messages with signals."""
    return Inlet(stream=SIGNAL_STREAM, receipt_prefix=SIGNAL_RECEIPT_PREFIX, take=take)


class Intake:
    """One reader of a stream; all workers' readers share one consumer group."""

    def __init__(self, *, client: Redis, inlet: Inlet, consumer: str) -> None:
        self._client = client
        self._inlet = inlet
        self._consumer = consumer

    async def run(self) -> None:
        """Read until cancelled; a server that is away is tried again.

        What could not be taken in stays pending, and is claimed again later.
        """
        while _goes_on():
            try:
                await self._ensure_group()
                while _goes_on():
                    for entry in await self._next():
                        await self._handle(*entry)
            except Exception as error:  # noqa: BLE001 - nobody would miss a reader that died
                # NOGROUP after a wipe is among these: the group is made again.
                log.warning("intake_interrupted", error=traced(error))
                await asyncio.sleep(0.5)

    async def _ensure_group(self) -> None:
        try:
            await self._client.xgroup_create(self._inlet.stream, _GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _next(self) -> Sequence[Entry]:
        """New entries, or those that a dead reader left."""
        answer: Any = await self._client.xreadgroup(
            _GROUP, self._consumer, {self._inlet.stream: ">"}, count=4, block=_BLOCK_MILLISECONDS
        )
        if answer:
            return [entry for _, entries in answer for entry in entries]
        _, entries, *_ = await self._client.xautoclaim(
            self._inlet.stream,
            _GROUP,
            self._consumer,
            min_idle_time=_CLAIM_AFTER_MILLISECONDS,
            count=4,
        )
        return list(entries)

    async def _handle(self, entry_id: bytes, fields: Mapping[bytes, bytes] | None) -> None:
        if fields is not None:
            receipt = await self._inlet.take(fields.get(b"message", b""))
            await self._client.set(
                self._inlet.receipt_prefix + receipt.message_key,
                json.dumps(receipt.as_json()),
                ex=_RECEIPT_SECONDS,
            )
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.xack(self._inlet.stream, _GROUP, entry_id)
            pipe.xdel(self._inlet.stream, entry_id)
            await pipe.execute()


def _goes_on() -> bool:
    # A cancellation can get lost in redis-py: it looks at idle connections with a
    # time-out of 0 s, which takes a cancellation that comes just before for its own.
    task = asyncio.current_task()
    return task is None or not task.cancelling()
