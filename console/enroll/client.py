"""Sends enrollment messages and waits until they are accepted, whatever happens to Redis.

A message in the stream can be lost with a wipe of Redis; its receipt is
in PostgreSQL before it shows in Redis. So the client sends a message
again, under the same key, when it is neither waiting in the stream nor
receipted; the receiver knows a key for ever and enrolls once.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Any, Self

from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from cadenza.enrolling.envelope import UnreadableMessage
from cadenza.enrolling.message import EnrollmentMessage, read_message
from cadenza.errors import CadenzaError
from cadenza.storage.receipts import Receipt
from workers.intake import RECEIPT_PREFIX, STREAM

OnReceipt = Callable[[Receipt], None]

_LOOK_SECONDS = 0.05
_ANSWER_SECONDS = 5.0


class EnrollmentNotSent(CadenzaError):
    """Redis did not take the message."""


class ReceiptsMissing(CadenzaError):
    """No receipt came for a while. keys: the messages that may or may not be in the stream."""

    def __init__(self, keys: Sequence[str], timeout_seconds: float) -> None:
        super().__init__(
            f"no receipt for {len(keys)} of the messages within {timeout_seconds:g} s, the first "
            f"of them {keys[0]!r}: are the workers running? Send again later, under the same "
            "keys: what was enrolled is not enrolled twice"
        )
        self.keys = tuple(keys)


@dataclass(kw_only=True)
class _Waiting:
    """A message without a receipt. entry_id: its place in the stream when it was last sent."""

    document: bytes
    entry_id: bytes | None = None
    looked_at: float = 0.0


class EnrollmentClient:
    """Speaks the documented protocol with the Redis at `redis_url`; use it as a context manager.

    resend_seconds: how often it looks whether a message without a receipt
    still waits in the stream. most_waiting: messages without a receipt at
    one time, so that a long import does not fill Redis.
    """

    def __init__(
        self, redis_url: str, *, resend_seconds: float = 3.0, most_waiting: int = 8
    ) -> None:
        self._client = Redis.from_url(
            redis_url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_ANSWER_SECONDS,
        )
        self._resend_seconds = resend_seconds
        self._most_waiting = most_waiting

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def send(self, key: str, cadence: str, prospects: Sequence[Mapping[str, Any]]) -> None:
        """Put one message into the stream, once. It is accepted when its receipt is there.

        Raises UnreadableMessage that says what the receiver would refuse
        about the message as a whole, and EnrollmentNotSent.
        """
        message = EnrollmentMessage(key=key, cadence=cadence, rows=prospects)
        try:
            await self._add(key, _document(message))
        except (RedisError, OSError) as error:
            raise EnrollmentNotSent(
                f"Redis did not take message {key!r}: {type(error).__name__}"
            ) from error

    async def wait(self, keys: Iterable[str], timeout_seconds: float) -> Mapping[str, Receipt]:
        """The receipts of messages that were sent, as soon as all are there.

        timeout_seconds: the longest time without a new receipt. Raises ReceiptsMissing.
        """
        waiting = dict.fromkeys(keys)
        found: dict[str, Receipt] = {}
        patience = _Patience(timeout_seconds)
        while waiting:
            receipts = await self._receipts(waiting)
            for receipt in receipts:
                del waiting[receipt.message_key]
                found[receipt.message_key] = receipt
            await patience.rest(waiting, news=bool(receipts))
        return found

    async def send_and_wait(
        self,
        messages: Iterable[EnrollmentMessage],
        timeout_seconds: float,
        on_receipt: OnReceipt | None = None,
    ) -> Mapping[str, Receipt]:
        """Send messages until each has its receipt; returns key → receipt.

        Redis may be away or wiped meanwhile. timeout_seconds: the longest
        time without a new receipt. on_receipt: called with each as it comes.
        Raises UnreadableMessage before that message is sent, and ReceiptsMissing.
        """
        unsent = iter(messages)
        waiting: dict[str, _Waiting] = {}
        found: dict[str, Receipt] = {}
        patience = _Patience(timeout_seconds)
        while True:
            for message in islice(unsent, self._most_waiting - len(waiting)):
                waiting[message.key] = _Waiting(document=_document(message))
            if not waiting:
                return found
            await self._send_what_is_not_there(waiting)
            receipts = await self._receipts(waiting)
            for receipt in receipts:
                del waiting[receipt.message_key]
                found[receipt.message_key] = receipt
                if on_receipt is not None:
                    on_receipt(receipt)
            await patience.rest(waiting, news=bool(receipts))

    async def _send_what_is_not_there(self, waiting: Mapping[str, _Waiting]) -> None:
        now = time.monotonic()
        for key, message in waiting.items():
            if message.entry_id is not None and now < message.looked_at + self._resend_seconds:
                continue
            message.looked_at = now
            try:
                if message.entry_id is None or not await self._is_in_stream(message.entry_id):
                    message.entry_id = await self._add(key, message.document)
            except (RedisError, OSError):
                return  # it comes back, or the deadline passes

    async def _add(self, key: str, document: bytes) -> bytes:
        """Send; an earlier receipt is taken away, so that the next one is about this message."""
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.delete(RECEIPT_PREFIX + key)
            pipe.xadd(STREAM, {"message": document})
            _, entry_id = await pipe.execute()
        return bytes(entry_id)

    async def _is_in_stream(self, entry_id: bytes) -> bool:
        return bool(await self._client.xrange(STREAM, entry_id, entry_id, count=1))

    async def _receipts(self, keys: Iterable[str]) -> Sequence[Receipt]:
        """Those that are there; none while Redis is away."""
        names = [RECEIPT_PREFIX + key for key in keys]
        if not names:
            return ()
        try:
            found = await self._client.mget(names)
        except (RedisError, OSError):
            return ()
        return [_receipt(document) for document in found if document is not None]


class _Patience:
    """How long it is worth waiting: `seconds` from the last news on."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    async def rest(self, keys: Iterable[str], *, news: bool) -> None:
        """Sleep a moment, unless there was news. Raises ReceiptsMissing at the end."""
        if news:
            self._deadline = time.monotonic() + self._seconds
            return
        if time.monotonic() > self._deadline:
            raise ReceiptsMissing(list(keys), self._seconds)
        await asyncio.sleep(_LOOK_SECONDS)


def _document(message: EnrollmentMessage) -> bytes:
    """The message as it is sent; checked as the receiver will. Raises UnreadableMessage."""
    document = json.dumps(
        {"key": message.key, "cadence": message.cadence, "prospects": list(message.rows)},
        ensure_ascii=False,
    )
    try:
        raw = document.encode()
    except UnicodeEncodeError as error:
        raise UnreadableMessage("a text holds half of a surrogate pair") from error
    read_message(raw)
    return raw


def _receipt(document: bytes | str) -> Receipt:
    said = json.loads(document)
    return Receipt(
        message_key=said["key"],
        cadence=said["cadence"],
        status=said["status"],
        reason=said["reason"],
        accepted=said["accepted"],
        rejected=said["rejected"],
        received_at=datetime.fromisoformat(said["received_at"]),
    )
