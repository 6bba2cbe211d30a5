"""Enrollment messages: receipts, verdicts, and what a producer that only speaks Redis sees."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from redis.asyncio import Redis

from cadenza.enrolling.envelope import MOST_BYTES
from tests.support.eventually import eventually
from tests.support.pipeline import Pipeline
from workers.intake import RECEIPT_PREFIX, STREAM, Intake, enrollments

VERDICTS = "select row_number, verdict, field from receipt_row order by 1"


def message(*rows: Any, key: str = "m1", cadence: str = "two") -> bytes:
    return json.dumps({"key": key, "cadence": cadence, "prospects": rows}).encode()


def person(n: int = 1, **fields: Any) -> dict[str, Any]:
    return {"email": f"p{n}@example.com", "first_name": "Ada", "country": "FR", **fields}


async def test_a_bad_row_never_spoils_the_others(line: Pipeline) -> None:
    rows = [
        person(1),
        person(2, email="not an address"),
        "not a row",
        person(3, phone="12"),
        person(1),
        {"first_name": "Nobody"},
        person(4, country="Atlantis"),
        person(5, time_zone="Mars/Base"),
        person(6, owner="stranger"),
        person(7, nested={"a": 1}),
        person(8),
    ]
    receipt = await line.enroller.enroll(message(*rows))
    assert (receipt.status, receipt.accepted, receipt.rejected) == ("accepted", 2, 9)
    assert await line.rows(VERDICTS) == [
        (0, "enrolled", None),
        (1, "rejected", "email"),
        (2, "rejected", None),
        (3, "rejected", "phone"),
        (4, "duplicate", None),
        (5, "rejected", None),
        (6, "rejected", "country"),
        (7, "rejected", "time_zone"),
        (8, "rejected", "owner"),
        (9, "rejected", "nested"),
        (10, "enrolled", None),
    ]
    assert await line.value("select count(*) from due") == 2


async def test_the_same_message_again_changes_nothing(line: Pipeline) -> None:
    first = await line.enroller.enroll(message(person(1), person(2)))
    again = await line.enroller.enroll(message(person(1), person(2)))
    assert first == again
    assert await line.value("select count(*) from enrollment") == 2


async def test_the_same_message_from_many_workers_at_once_enrolls_once(line: Pipeline) -> None:
    raw = message(*(person(n) for n in range(50)))
    receipts = await asyncio.gather(*(line.enroller.enroll(raw) for _ in range(5)))
    assert {receipt.accepted for receipt in receipts} == {50}
    assert await line.value("select count(*) from enrollment") == 50


async def test_who_is_active_is_not_enrolled_again_and_who_has_finished_is(line: Pipeline) -> None:
    await line.enroller.enroll(message(person(), key="a"))
    assert (await line.enroller.enroll(message(person(), key="b"))).accepted == 0
    await line.execute("update enrollment set status = 'finished', outcome = 'lost'")
    assert (await line.enroller.enroll(message(person(), key="c"))).accepted == 1


async def test_another_subject_is_another_enrollment(line: Pipeline) -> None:
    rows = (person(subject="order-1"), person(subject="order-2"))
    assert (await line.enroller.enroll(message(*rows))).accepted == 2


async def test_who_must_not_be_contacted_is_not_enrolled(line: Pipeline) -> None:
    await line.execute(
        "insert into suppression values ('domain:example.com', 'asked', 'import', now())"
    )
    receipt = await line.enroller.enroll(message(person(), person(2, email="a@other.example")))
    assert (receipt.accepted, receipt.rejected) == (1, 1)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff\xfe", "not a JSON document"),
        (b"[]", "not a JSON object"),
        (b'{"key": "k", "cadence": "two", "prospects": []}', "`prospects` must be a list"),
        (b'{"key": "k k", "cadence": "two", "prospects": [{}]}', "`key` must be"),
        (b'{"key": "k", "cadence": "none", "prospects": [{}]}', "there is no cadence 'none'"),
        (b"x" * (MOST_BYTES + 1), "larger than"),
        (b"[" * 100_000, "not a JSON document"),
    ],
)
async def test_an_unreadable_message_is_kept_with_its_reason(
    line: Pipeline, raw: bytes, reason: str
) -> None:
    receipt = await line.enroller.enroll(raw)
    assert receipt.status == "unreadable"
    assert reason in str(receipt.reason)
    assert await line.value("select raw is not null from receipt")


@asynccontextmanager
async def intake(line: Pipeline, redis_url: str, consumer: str = "c") -> AsyncIterator[Redis]:
    """A reader of the stream, and a bare Redis client for the producer."""
    client = Redis.from_url(redis_url)
    reader = Redis.from_url(redis_url)
    reading = asyncio.create_task(
        Intake(client=reader, inlet=enrollments(line.enroller.enroll), consumer=consumer).run()
    )
    try:
        yield client
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        await client.aclose()
        await reader.aclose()


async def receipt_of(client: Redis, key: str) -> dict[str, Any]:
    document = await eventually(lambda: client.get(RECEIPT_PREFIX + key))
    assert document is not None
    return dict(json.loads(document))


async def test_a_producer_that_only_speaks_redis_gets_its_receipt(
    line: Pipeline, redis_url: str
) -> None:
    async with intake(line, redis_url) as client:
        await client.xadd(STREAM, {"message": message(person(1), person(2, email="x"))})
        receipt = await receipt_of(client, "m1")
        assert (receipt["status"], receipt["accepted"], receipt["rejected"]) == ("accepted", 1, 1)
        await eventually(lambda: _is_empty(client))


async def test_a_malformed_message_does_not_stop_the_reader(line: Pipeline, redis_url: str) -> None:
    async with intake(line, redis_url) as client:
        await client.xadd(STREAM, {"message": b"nonsense"})
        await client.xadd(STREAM, {"something": b"else"})
        await client.xadd(STREAM, {"message": message(person())})
        assert (await receipt_of(client, "m1"))["accepted"] == 1
    assert await line.value("select count(*) from receipt where status = 'unreadable'") == 2


async def test_what_a_dead_reader_left_is_read_by_another(line: Pipeline, redis_url: str) -> None:
    client = Redis.from_url(redis_url)
    await client.xgroup_create(STREAM, "cadenza", id="0", mkstream=True)
    await client.xadd(STREAM, {"message": message(person())})
    await client.xreadgroup("cadenza", "dead", {STREAM: ">"}, count=1)
    (pending,) = await client.xpending_range(STREAM, "cadenza", "-", "+", 1)
    entry = pending["message_id"]
    await client.xclaim(STREAM, "cadenza", "dead", 0, [entry], idle=60_000)
    await client.aclose()
    async with intake(line, redis_url) as producer:
        assert (await receipt_of(producer, "m1"))["accepted"] == 1


async def test_a_wipe_of_redis_is_survived_by_sending_again(line: Pipeline, redis_url: str) -> None:
    async with intake(line, redis_url) as client:
        await client.xadd(STREAM, {"message": message(person(1))})
        await receipt_of(client, "m1")
        await client.flushdb()
        await client.xadd(STREAM, {"message": message(person(1))})
        await client.xadd(STREAM, {"message": message(person(2), key="m2")})
        assert (await receipt_of(client, "m1"))["accepted"] == 1
        assert (await receipt_of(client, "m2"))["accepted"] == 1
    assert await line.value("select count(*) from enrollment") == 2


async def _is_empty(client: Redis) -> bool:
    return int(await client.xlen(STREAM)) == 0
