"""Appends attempts to the journal in groups: what many connections ask at once is one statement."""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cadenza.errors import SendWithheld
from cadenza.model import BatchId, TouchId
from cadenza.storage import journal
from cadenza.storage.database import Database
from cadenza.storage.journal import Answer, Attempt
from monitoring.metrics import WorkerMetrics

_GROUP = 64
_ANSWER_SECONDS = 0.05


class JournalWriter:
    """The journal of one worker process.

    No attempt waits for a timer: while one statement runs, the next group
    gathers. An answer waits for the next attempt, and if none comes for a
    moment: so a crash leaves at most one touch without an answer per
    connection, and most answers cost no statement of their own.
    """

    def __init__(self, database: Database, metrics: WorkerMetrics) -> None:
        self._database = database
        self._metrics = metrics
        self._attempts: list[tuple[Attempt, asyncio.Future[bool]]] = []
        self._answers: list[Answer] = []
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start writing."""
        self._task = asyncio.create_task(self._run(), name="journal")

    async def close(self) -> None:
        """Stop; what was not written is settled as if the worker had crashed."""
        self._unset_timer()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def begin(self, attempt: Attempt) -> None:
        """Durable against a crash of this worker when it returns.

        Raises SendWithheld when there is a reason to stop, or the journal cannot be written.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._attempts.append((attempt, future))
        self._wake.set()
        if not await future:
            raise SendWithheld("there is a reason not to send any more")

    def answer(
        self,
        batch_id: BatchId,
        epoch: int,
        touch_id: TouchId,
        at: datetime,
        said: Mapping[str, Any],
    ) -> None:
        """Note what the provider answered; written soon, not awaited."""
        self._answers.append(
            Answer(batch_id=batch_id, epoch=epoch, touch_id=touch_id, at=at, said=said)
        )
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_ANSWER_SECONDS, self._wake.set)

    async def finish(self, batch_id: BatchId) -> None:
        """Nothing about this batch is, or will be, on its way when this returns.

        Its commit locks the batch and then enrollments; a statement of ours
        that still wanted the batch while holding enrollments would deadlock.
        """
        async with self._writing:
            self._answers = [a for a in self._answers if a.batch_id != batch_id]

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            # Whoever became ready in the same turn of the loop comes along.
            await asyncio.sleep(0)
            self._wake.clear()
            self._unset_timer()
            answers_only = not self._attempts
            while self._attempts or (answers_only and self._answers):
                answers_only = False
                group, self._attempts = self._attempts[:_GROUP], self._attempts[_GROUP:]
                answers, self._answers = self._answers, []
                async with self._writing:
                    await self._write(group, answers)

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _write(
        self, group: list[tuple[Attempt, "asyncio.Future[bool]"]], answers: list[Answer]
    ) -> None:
        try:
            if group:
                self._metrics.journal_group_size.observe(len(group))
            async with self._database.connection() as db:
                passed = await journal.append(db, [attempt for attempt, _ in group], answers)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be sent on it
            withheld = SendWithheld(f"the journal cannot be written: {type(error).__name__}")
            for _, future in group:
                if not future.done():
                    future.set_exception(withheld)
            return
        for attempt, future in group:
            if not future.done():
                future.set_result((attempt.batch_id, attempt.epoch, attempt.touch_id) in passed)
