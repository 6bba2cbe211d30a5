"""The enrollment client: a message is sent until it is accepted."""

from typing import Any

import pytest
from redis.asyncio import Redis

from cadenza.enrolling.envelope import MOST_ROWS, UnreadableMessage
from cadenza.enrolling.message import EnrollmentMessage
from console.enroll import EnrollmentClient, EnrollmentNotSent, ReceiptsMissing
from tests.console.desk.desk import Desk
from workers.intake import RECEIPT_PREFIX, STREAM

PATIENCE = 20.0


def person(n: int) -> dict[str, Any]:
    return {"email": f"p{n}@example.com", "first_name": "Zoë", "country": "FR"}


def message(key: str, *numbers: int) -> EnrollmentMessage:
    return EnrollmentMessage(key=key, cadence="mixed", rows=[person(n) for n in numbers])


async def test_what_is_sent_gets_its_receipt(desk: Desk) -> None:
    async with desk.intake(), EnrollmentClient(desk.redis_url) as client:
        await client.send("a", "mixed", [person(1), {"email": "nonsense"}])
        await client.send("b", "mixed", [person(2)])
        receipts = await client.wait(["a", "b"], PATIENCE)
    assert (receipts["a"].accepted, receipts["a"].rejected) == (1, 1)
    assert (receipts["b"].accepted, receipts["b"].received_at) == (1, receipts["b"].received_at)


async def test_a_wipe_while_messages_wait_loses_nothing(desk: Desk) -> None:
    client = EnrollmentClient(desk.redis_url, resend_seconds=0.1, most_waiting=2)
    seen: list[str] = []
    async with client, Redis.from_url(desk.redis_url) as redis:
        await client.send("m1", "mixed", [person(1)])
        await redis.flushdb()
        async with desk.intake():
            messages = (message(f"m{n}", n) for n in range(1, 7))
            receipts = await client.send_and_wait(
                messages, PATIENCE, lambda receipt: seen.append(receipt.message_key)
            )
    assert sorted(receipts) == sorted(seen) == [f"m{n}" for n in range(1, 7)]
    assert all(receipt.accepted == 1 for receipt in receipts.values())
    assert await desk.line.value("select count(*) from enrollment") == 6


async def test_a_receipt_that_was_wiped_comes_again(desk: Desk) -> None:
    client = EnrollmentClient(desk.redis_url, resend_seconds=0.1)
    async with desk.intake() as redis, client:
        first = await client.send_and_wait([message("m", 1)], PATIENCE)
        await redis.flushdb()
        assert await client.send_and_wait([message("m", 1)], PATIENCE) == first


async def test_a_message_that_could_not_be_read_may_come_again_under_its_key(desk: Desk) -> None:
    early = EnrollmentMessage(key="m", cadence="later", rows=[person(1)])
    async with desk.intake(), EnrollmentClient(desk.redis_url) as client:
        refused = (await client.send_and_wait([early], PATIENCE))["m"]
        assert refused.status == "unreadable"
        assert "there is no cadence 'later'" in str(refused.reason)
        await desk.line.execute("update cadence set name = 'later'")
        accepted = (await client.send_and_wait([early], PATIENCE))["m"]
    assert (accepted.status, accepted.accepted, accepted.reason) == ("accepted", 1, None)


async def test_what_still_waits_in_the_stream_is_not_sent_again(desk: Desk) -> None:
    client = EnrollmentClient(desk.redis_url, resend_seconds=0.01)
    async with client, Redis.from_url(desk.redis_url) as redis:
        with pytest.raises(ReceiptsMissing, match="are the workers running") as missing:
            await client.send_and_wait([message("m", 1)], 0.3)
        assert missing.value.keys == ("m",)
        assert await redis.xlen(STREAM) == 1
        with pytest.raises(ReceiptsMissing):
            await client.wait(["m"], 0.1)
        assert await redis.get(RECEIPT_PREFIX + "m") is None


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (EnrollmentMessage(key="two words", cadence="c", rows=[{}]), "`key` must be"),
        (EnrollmentMessage(key="k", cadence="c", rows=[{}] * (MOST_ROWS + 1)), "must be a list"),
        (EnrollmentMessage(key="k", cadence="c", rows=[{"a": "\ud800"}]), "surrogate"),
        (EnrollmentMessage(key="k", cadence="c", rows=[{"a": "x" * 2**23}]), "larger than"),
    ],
)
async def test_what_the_receiver_would_refuse_is_not_sent(
    redis_url: str, sent: EnrollmentMessage, reason: str
) -> None:
    async with EnrollmentClient(redis_url) as client, Redis.from_url(redis_url) as redis:
        with pytest.raises(UnreadableMessage, match=reason):
            await client.send(sent.key, sent.cadence, sent.rows)
        assert await redis.xlen(STREAM) == 0


async def test_without_redis_the_sender_is_told() -> None:
    async with EnrollmentClient("redis://127.0.0.1:1") as client:
        with pytest.raises(EnrollmentNotSent, match="ConnectionError"):
            await client.send("k", "c", [{}])
        with pytest.raises(ReceiptsMissing):
            await client.send_and_wait([message("k", 1)], 0.1)
