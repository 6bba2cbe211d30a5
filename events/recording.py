"""Group commit: events that arrive while a commit runs leave together in the next one."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from cadenza.abc import EventRecorder
from cadenza.errors import CadenzaError
from cadenza.model import Event
from monitoring.metrics import IntakeMetrics, Refusal

Hints = Callable[[], Awaitable[None]]

_HINT_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class NotRecorded(CadenzaError):
    """The events could not be stored now: whoever brought them shall come again."""


@dataclass(frozen=True, kw_only=True)
class _Waiter:
    events: Sequence[Event]
    stored: asyncio.Future[None]


class EventBatcher:
    """Stores the events of concurrent callers in as few commits as possible.

    A lone event is stored at once; while a commit runs, what arrives
    waits for the next one and never longer. max_group: events in one
    commit. max_waiting: events that may wait; more are refused, so that a
    slow database is not answered with ever more memory. timeout_seconds:
    a commit that takes longer has failed. hints: awaited after a commit,
    apart from it; its failure changes nothing, because workers sweep.
    """

    def __init__(
        self,
        recorder: EventRecorder,
        metrics: IntakeMetrics,
        *,
        hints: Hints | None = None,
        max_group: int = 500,
        max_waiting: int = 20_000,
        timeout_seconds: float = 10.0,
    ) -> None:
        self._recorder = recorder
        self._metrics = metrics
        self._hints = hints
        self._max_group = max_group
        self._max_waiting = max_waiting
        self._timeout_seconds = timeout_seconds
        self._queue: deque[_Waiter] = deque()
        self._waiting = 0
        self._committing: asyncio.Task[None] | None = None
        self._hinting: asyncio.Task[None] | None = None
        self._hint_due = False

    async def record(self, events: Sequence[Event]) -> None:
        """Return when all `events` are durable; they are stored in one commit.

        Raises NotRecorded when they may not be: the caller acknowledges
        nothing. To cancel the caller does not cancel the commit.
        """
        if not events:
            return
        source = events[0].source
        began = time.perf_counter()
        try:
            await self._enqueue(events)
        except NotRecorded:
            self._metrics.events_refused.labels(source, Refusal.UNAVAILABLE).inc(len(events))
            raise
        self._metrics.record.labels(source).observe(time.perf_counter() - began)
        for event in events:
            self._metrics.events_recorded.labels(event.source, event.type).inc()

    async def close(self) -> None:
        """Wait until what was handed over is stored or refused."""
        while self._committing is not None:
            await asyncio.wait([self._committing])
        if self._hinting is not None:
            await asyncio.wait([self._hinting])

    def _enqueue(self, events: Sequence[Event]) -> asyncio.Future[None]:
        if self._waiting + len(events) > self._max_waiting:
            raise NotRecorded("too many events wait to be stored")
        waiter = _Waiter(events=events, stored=asyncio.get_running_loop().create_future())
        self._queue.append(waiter)
        self._waiting += len(events)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return waiter.stored

    async def _commit_all(self) -> None:
        try:
            while self._queue:
                await self._commit_group(self._next_group())
        finally:
            self._committing = None

    def _next_group(self) -> list[_Waiter]:
        group = [self._queue.popleft()]
        size = len(group[0].events)
        while self._queue and size + len(self._queue[0].events) <= self._max_group:
            group.append(self._queue.popleft())
            size += len(group[-1].events)
        self._waiting -= size
        return group

    async def _commit_group(self, group: list[_Waiter]) -> None:
        try:
            if not await self._commit(group) and len(group) > 1:
                await self._commit_each(group)
        finally:
            # Also when the loop ends in the middle: nobody is left waiting, nothing acknowledged.
            for waiter in group:
                if not waiter.stored.done():
                    waiter.stored.set_exception(NotRecorded("the events could not be stored"))

    async def _commit_each(self, group: list[_Waiter]) -> None:
        """One event that storage cannot take must not take the others down with it.

        Two failures in a row mean that storage itself is away: give up.
        """
        failures = 0
        for waiter in group:
            failures = 0 if await self._commit([waiter]) else failures + 1
            if failures == 2:
                return

    async def _commit(self, group: list[_Waiter]) -> bool:
        events = [event for waiter in group for event in waiter.events]
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._recorder.record(events)
        except Exception as error:  # noqa: BLE001 - whatever storage raises, nothing is acknowledged
            _log.warning("events not stored", events=len(events), error=type(error).__name__)
            return False
        for waiter in group:
            if not waiter.stored.done():
                waiter.stored.set_result(None)
        self._hint()
        return True

    def _hint(self) -> None:
        if self._hints is None:
            return
        self._hint_due = True
        if self._hinting is None:
            self._hinting = asyncio.create_task(self._send_hints(self._hints))

    async def _send_hints(self, hints: Hints) -> None:
        try:
            while self._hint_due:
                self._hint_due = False
                async with asyncio.timeout(_HINT_SECONDS):
                    await hints()
        except Exception as error:  # noqa: BLE001 - a hint may be lost: workers sweep
            _log.warning("hint not sent", error=type(error).__name__)
        finally:
            self._hinting = None
