"""Messages that break something, and servers that are away, hold up no other message."""

import asyncio
import itertools
import json
import random
from typing import Any

import pytest
from structlog.testing import capture_logs

import workers.intake
from cadenza.accounts import Accounts
from cadenza.enrolling.envelope import MOST_BYTES
from cadenza.enrolling.message import Row, check_row
from tests.support.eventually import eventually
from tests.support.pipeline import Pipeline
from tests.workers.test_enroll import intake, message, person, receipt_of
from workers.intake import STREAM

REFUSE = """create function refuse() returns trigger language plpgsql as
    $$ begin raise exception '%', new.email using errcode = '{code}'; end $$"""
NASTY: list[Any] = [
    None, True, 0, -1, 2**63, 10**400, 1e308, float("nan"), float("inf"), "", " ", "\0", "\ud800",
    "a\nb", "ada@example.com", "ADA@ÉXAMPLE.com", "a@b", "@", "+33612345678", "0612345678", "+",
    "911", "FR", "fr", "XX", "ZZ", "001", "Europe/Paris", "../../etc/passwd", "Etc/UTC", "/", ".",
    "en-GB", "x-", "anna", "x" * 500, "x" * 501, "é" * 500, "x" * 5_000, "<script>", "{{ x }}",
    "https://linkedin.com/in/ada", "http://linkedin.com/in/%00", [], {}, [1], {"a": 1},
]  # fmt: skip
MEMBERS = ["id", "email", "phone", "linkedin", "company", "country", "time_zone", "locale",
           "owner", "subject", "first_name", "", "\0", "x" * 300, "é"]  # fmt: skip


async def test_a_message_that_breaks_something_is_kept_and_holds_nobody_up(
    line: Pipeline, redis_url: str
) -> None:
    await line.execute(REFUSE.format(code="P0001"))
    await line.execute(
        """create trigger t before insert on prospect for each row
        when (new.email = 'p1@example.com') execute function refuse()"""
    )
    async with intake(line, redis_url) as client:
        with capture_logs() as logs:
            for n in range(1, 4):
                await client.xadd(STREAM, {"message": message(person(n), key=f"m{n}")})
            receipts = [await receipt_of(client, f"m{n}") for n in range(1, 4)]
        assert [r["status"] for r in receipts] == ["unreadable", "accepted", "accepted"]
        await eventually(lambda: _is_empty(client))
        assert "p1@example.com" not in str(logs)
        assert any("RaiseError at" in str(entry.get("error")) for entry in logs)
        await line.execute("drop trigger t on prospect")
        await client.delete("cadenza:receipt:m1")
        await client.xadd(STREAM, {"message": message(person(1), key="m1")})
        assert (await receipt_of(client, "m1"))["accepted"] == 1


async def test_a_message_outlasts_a_database_that_is_away(
    line: Pipeline, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers.intake, "_CLAIM_AFTER_MILLISECONDS", 10)
    monkeypatch.setattr(workers.intake, "_BLOCK_MILLISECONDS", 10)
    await line.execute("create sequence tries")
    await line.execute(REFUSE.format(code="57P01"))
    await line.execute(
        """create trigger t before insert on prospect for each row
        when (nextval('tries') < 3) execute function refuse()"""
    )
    async with intake(line, redis_url) as client:
        await client.xadd(STREAM, {"message": message(person())})
        assert (await receipt_of(client, "m1"))["accepted"] == 1
        await eventually(lambda: _is_empty(client))
    assert await line.value("select count(*) from enrollment") == 1


async def test_what_is_kept_of_a_huge_message_is_bounded(line: Pipeline) -> None:
    await line.enroller.enroll(b"x" * (MOST_BYTES * 2))
    assert await line.value("select length(raw) from receipt") == MOST_BYTES


async def test_a_message_whose_key_can_be_read_is_answered_under_it_and_may_come_again(
    line: Pipeline,
) -> None:
    first = await line.enroller.enroll(b'{"key": "k", "cadence": "two", "prospects": []}')
    second = await line.enroller.enroll(b'{"key": "k", "cadence": "none", "prospects": [{}]}')
    assert (first.message_key, first.status) == ("k", "unreadable")
    assert "there is no cadence" in str(second.reason)
    assert (await line.enroller.enroll(message(person(), key="k"))).accepted == 1
    again = await line.enroller.enroll(b'{"key": "k", "cadence": "two", "prospects": []}')
    assert again.status == "accepted"
    assert await line.value("select raw from receipt") is None


@pytest.mark.parametrize("error", [ImportError("half an upgrade"), MemoryError()])
async def test_what_only_this_process_cannot_do_is_left_for_another(
    line: Pipeline, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: object) -> Row:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("workers.enroll.check_row", broken)
        with pytest.raises(type(error)):
            await line.enroller.enroll(message(person()))
    assert await line.value("select count(*) from receipt") == 0
    assert (await line.enroller.enroll(message(person()))).accepted == 1


async def test_whatever_stands_in_a_row_it_gets_its_verdict(line: Pipeline) -> None:
    draw = random.Random(7)
    rows = [{a: x, "time_zone": "UTC", "email": f"n{n}@example.com", b: y}
            for n, ((a, b), x, y) in enumerate(
                (pair, draw.choice(NASTY), draw.choice(NASTY))
                for pair in itertools.product(MEMBERS, MEMBERS) for _ in range(4))]  # fmt: skip
    raw = json.dumps({"key": "m", "cadence": "two", "prospects": [*NASTY, *rows]}).encode()
    receipt = await line.enroller.enroll(raw)
    assert receipt.status == "accepted"
    assert receipt.accepted + receipt.rejected == len(rows) + len(NASTY)
    assert receipt.accepted > len(rows) / 5
    assert await line.value("select count(*) from receipt_row") == len(rows) + len(NASTY)


async def test_others_have_their_turn_while_a_large_message_is_checked(
    line: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, seen = 0, set()

    def counted(row: Any, accounts: Accounts) -> Row:
        seen.add(turns)
        return check_row(row, accounts)

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr("workers.enroll.check_row", counted)
    working = asyncio.create_task(other())
    await line.enroller.enroll(message(*(person(n) for n in range(1000))))
    working.cancel()
    assert len(seen) >= 20


async def _is_empty(client: Any) -> bool:
    return int(await client.xlen(STREAM)) == 0
