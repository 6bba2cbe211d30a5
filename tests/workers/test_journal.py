"""How attempts and answers share the statements of the journal."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from cadenza.model import BatchId, EnrollmentId, TouchId
from cadenza.storage.database import Database
from cadenza.storage.journal import Answer, Attempt
from monitoring.metrics import WorkerMetrics
from workers.journal import JournalWriter

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Nowhere:
    """A database to which nothing is written."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        yield None


class Statements:
    """What would have been appended, a pair of (touches that begin, touches answered) for each."""

    def __init__(self) -> None:
        self.made: list[tuple[list[int], list[int]]] = []
        self.one_more = asyncio.Event()

    async def append(
        self, _db: object, attempts: Sequence[Attempt], answers: Sequence[Answer]
    ) -> set[Any]:
        self.made.append(([a.touch_id for a in attempts], [a.touch_id for a in answers]))
        self.one_more.set()
        return {(a.batch_id, a.epoch, a.touch_id) for a in attempts}


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    made = Statements()
    monkeypatch.setattr("workers.journal.journal.append", made.append)
    return made


@pytest.fixture
async def writer(statements: Statements) -> AsyncIterator[JournalWriter]:
    del statements  # there first
    opened = JournalWriter(cast(Database, Nowhere()), WorkerMetrics(CollectorRegistry()))
    await opened.open()
    yield opened
    await opened.close()


def attempt(number: int) -> Attempt:
    return Attempt(
        batch_id=BatchId(1),
        epoch=1,
        touch_id=TouchId(number),
        enrollment_id=EnrollmentId(number),
        step="hello",
        visit=1,
        keys=(),
        at=NOON,
        expected_id=None,
    )


def answer(writer: JournalWriter, number: int) -> None:
    writer.answer(BatchId(1), 1, TouchId(number), NOON, {"status": "sent"})


async def turns_of_the_loop() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_answer_comes_along_with_the_next_attempt(
    statements: Statements, writer: JournalWriter
) -> None:
    await writer.begin(attempt(1))
    answer(writer, 1)
    await turns_of_the_loop()
    await writer.begin(attempt(2))
    assert statements.made == [([1], []), ([2], [1])]


async def test_an_answer_that_nothing_follows_is_written_all_the_same(
    statements: Statements, writer: JournalWriter
) -> None:
    for number in (1, 2):
        answer(writer, number)
        async with asyncio.timeout(5):
            await statements.one_more.wait()
        statements.one_more.clear()
    assert statements.made == [([], [1]), ([], [2])]


async def test_answers_of_a_batch_that_is_being_recorded_are_not_written_any_more(
    statements: Statements, writer: JournalWriter
) -> None:
    answer(writer, 1)
    await writer.finish(BatchId(1))
    writer.answer(BatchId(2), 1, TouchId(7), NOON, {"status": "sent"})
    async with asyncio.timeout(5):
        await statements.one_more.wait()
    assert statements.made == [([], [7])]


async def test_attempts_of_one_turn_of_the_loop_share_a_statement(
    statements: Statements, writer: JournalWriter
) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(1, 6):
            group.create_task(writer.begin(attempt(number)))
    assert statements.made == [([1, 2, 3, 4, 5], [])]
