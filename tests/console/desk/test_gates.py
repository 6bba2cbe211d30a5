"""`cadenza explain` names every gate that holds the next touch, and when it can go."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cadenza.fence import Fence
from cadenza.insight.explaining import explain_enrollment
from cadenza.insight.reasons import SENTENCES
from cadenza.model import EnrollmentId
from cadenza.storage.overview import OverviewReader
from tests.console.desk.desk import Desk


async def first(desk: Desk) -> dict[str, Any]:
    """What enrollment 1 waits for first."""
    waiting: dict[str, Any] = (await desk.json("explain", "1"))["waits_for"][0]
    return waiting


async def gates(desk: Desk) -> dict[str, dict[str, Any]]:
    return {gate["name"]: gate for gate in (await first(desk))["gates"]}


async def test_a_touch_that_waits_for_its_time_says_so(desk: Desk) -> None:
    await desk.line.enroll(1)
    waiting = await first(desk)
    assert [gate["name"] for gate in waiting["gates"]] == ["spread"]
    assert waiting["earliest"] == waiting["at"]


async def test_the_plan_and_a_closed_window_are_gates_of_their_own(desk: Desk) -> None:
    await desk.line.enroll(1)
    await desk.line.run(days=4.5)  # the call of day 2 is over on day 4, a Friday evening
    waiting = await first(desk)
    found = {gate["name"]: gate for gate in waiting["gates"]}
    assert waiting["step"] == "again"
    assert {"plan", "window", "spread"} <= found.keys()
    opens = [datetime.fromisoformat(found[name]["opens_at"]) for name in ("plan", "window")]
    assert opens == sorted(opens)
    assert waiting["earliest"] == found["spread"]["opens_at"]


async def test_a_pause_without_an_end_has_no_earliest_time(desk: Desk) -> None:
    await desk.line.enroll(1)
    await desk.ok("pause", "p1@example.com", "--days", "5", "--reason", "strike", "--yes")
    found = await desk.json("explain", "1")
    assert found["enrollment"]["status"] == "paused"
    assert found["enrollment"]["reason"] == "strike"


async def test_whatever_stops_it_for_good_is_named_beside_the_rest(desk: Desk) -> None:
    await desk.line.enroll(1)
    await desk.line.execute("update prospect set fields = '{}'")
    await desk.line.execute(
        "insert into suppression values ('domain:example.com', 'by hand', 'test', now())"
    )
    waiting = await first(desk)
    found = {gate["name"]: gate for gate in waiting["gates"]}
    assert {"suppressed", "cannot_be_filled"} <= found.keys()
    assert "prospect.first_name" in found["cannot_be_filled"]["says"]
    assert waiting["earliest"] is None
    told = await desk.ok("explain", "1")
    assert "not before somebody does something about it" in told


async def test_a_copied_database_is_a_gate(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.line.enroll(1)
    await desk.line.run(days=0.1)  # whoever sends first claims the database
    monkeypatch.setenv("CADENZA_INSTANCE", "elsewhere")
    assert "this one is 'elsewhere'" in (await gates(desk))["fence"]["says"]


async def test_an_account_that_rests_is_a_gate(desk: Desk) -> None:
    await desk.line.enroll(1)
    account = await desk.line.value("select account from due")
    await desk.ok("accounts", "pause", str(account), "--reason", "a new certificate")
    assert "a new certificate" in (await gates(desk))["account_paused"]["says"]


async def test_a_group_that_the_accounts_file_lacks_is_a_gate_until_somebody_adds_it(
    desk: Desk,
) -> None:
    await desk.line.enroll(1)
    file = desk.folder / "accounts.yaml"
    file.write_text(file.read_text().replace("outreach", "sales"))
    await desk.line.execute("update due set reason = 'no_sender_account'")
    waiting = await first(desk)
    told = {gate["name"]: gate["says"] for gate in waiting["gates"]}
    assert told["no_sender_account"] == (
        "the accounts file has no email account in group outreach for them"
    )
    assert waiting["earliest"] is None


async def test_who_goes_on_from_another_account_of_the_group_is_held_by_none(desk: Desk) -> None:
    await desk.line.enroll(1)
    await desk.line.execute("update due set account = 'mail-gone'")
    assert "no_sender_account" not in await gates(desk)


async def test_a_full_day_of_the_account_is_a_gate(desk: Desk) -> None:
    await desk.line.enroll(1)
    account = await desk.line.value("select account from due")
    await desk.line.execute("update due set due_at = due_at + interval '1 hour'")
    await desk.line.execute(
        """insert into quota_use (key, window_start, used, cap) values ($1, $2, 50, 50)""",
        f"account:{account}:day",
        datetime(2026, 3, 1, 23, tzinfo=UTC),  # midnight in Paris
    )
    assert "account_per_day" in await gates(desk)


async def test_whatever_made_a_touch_later_is_told_in_words_and_counted_by_its_name(
    desk: Desk,
) -> None:
    await desk.line.enroll(1)
    line, fence = desk.line, Fence("test", desk.line.clock)
    reader = OverviewReader(line.database, line.accounts, line.clock, fence)
    for reason, sentence in SENTENCES.items():
        await line.execute("update due set reason = $1", reason)
        async with line.database.snapshot() as db:
            told = await explain_enrollment(
                db, line.ground, fence, EnrollmentId(1), now=line.clock.now()
            )
        (waiting,) = told.waits_for
        assert sentence in waiting.says
        assert sentence in {gate.name: gate.says for gate in waiting.gates}[reason]
        assert [(one.reason, one.touches) for one in (await reader.read()).waiting] == [(reason, 1)]


async def test_what_has_no_time_is_named(desk: Desk) -> None:
    await desk.line.enroll(1)
    await desk.line.run(days=1.5)
    kinds = {waiting["kind"] for waiting in (await desk.json("explain", "1"))["waits_for"]}
    assert "task" in kinds
