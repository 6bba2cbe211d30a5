"""The control API, the ledger behind it, and the idea of rest."""

import json
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest

from sandbox.main import Sandbox
from tests.sandbox.conftest import Begin
from tests.sandbox.world import (
    ClockFile,
    Gateway,
    Inbound,
    eventually,
    make_mail,
    send_mail,
    settle,
)
from tests.support.eventually import PATIENCE_SECONDS

PERSON = "jean@customer.example"


@pytest.fixture
async def sandbox(begin: Begin) -> Sandbox:
    return await begin(
        overrides={PERSON: {"persona": "opens"}}, smtp={"rep_domains": ["reps.example"]}
    )


@pytest.fixture
async def control(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    url = f"http://127.0.0.1:{sandbox.ports['control']}"
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_SECONDS) as client:
        yield client


async def test_a_new_world_is_at_rest(control: httpx.AsyncClient) -> None:
    assert (await control.get("/state")).json() == {
        "idle": True,
        "next_action_at": None,
        "pending": 0,
        "in_progress": 0,
        "outbox": 0,
        "rows": 0,
        "received": {},
        "rejected": {},
        "actions": {},
    }


async def test_a_jump_ends_the_rest_until_all_is_done(
    control: httpx.AsyncClient, sandbox: Sandbox, clock: ClockFile, gateway: Gateway
) -> None:
    await send_mail(sandbox, make_mail(PERSON, gateway=gateway.url))
    state = (await control.get("/state")).json()
    assert state["idle"]
    assert state["received"] == {"email": 1}
    due = datetime.fromisoformat(state["next_action_at"])
    assert due > sandbox.clock.now()
    clock.jump(sandbox.agenda.next_due_us - sandbox.clock.now_us() + 1)  # type: ignore[operator]
    assert not (await control.get("/state")).json()["idle"]
    await eventually(lambda: len(gateway.hits) == 1, "the mail is opened")
    await eventually(sandbox.agenda.is_idle, "the action has ended")
    state = (await control.get("/state")).json()
    assert (state["idle"], state["actions"]) == (True, {"opened": 1})


async def test_a_mail_under_way_or_in_the_outbox_is_no_rest(
    begin: Begin, clock: ClockFile, inbound: Inbound
) -> None:
    await inbound.stop()
    sandbox = await begin(
        outbox={"port": inbound.port}, overrides={PERSON: {"persona": "hard_bounce_dsn"}}
    )
    await send_mail(sandbox, make_mail(PERSON))
    clock.jump(10 * 86_400_000_000)
    await eventually(lambda: sandbox.outbox_pending == 1, "the bounce is queued")
    await eventually(sandbox.agenda.is_idle, "the action has ended")
    url = f"http://127.0.0.1:{sandbox.ports['control']}/state"
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        state = (await client.get(url)).json()
        assert (state["idle"], state["outbox"]) == (False, 1)
        await inbound.start(inbound.port)
        await eventually(lambda: sandbox.outbox_pending == 0, "the bounce is delivered")
        assert (await client.get(url)).json()["idle"]


async def test_the_ledger_is_read_page_by_page(
    control: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    for number in range(5):
        await send_mail(sandbox, make_mail(f"p{number}@x.example"))
    first = (await control.get("/ledger", params={"after": 0, "limit": 3})).json()
    assert [row["to"] for row in first["rows"]] == [f"p{n}@x.example" for n in range(3)]
    assert first["next"] == 3
    rest = (await control.get("/ledger", params={"after": first["next"]})).json()
    assert ([row["seq"] for row in rest["rows"]], rest["next"]) == ([4, 5], None)
    assert set(first["rows"][0]) >= {
        "type", "seq", "at", "wall", "channel", "account", "sender", "to", "key", "digest",
        "text_chars", "size", "rejected", "note",
    }  # fmt: skip
    assert (await control.get("/ledger", params={"after": "x"})).status_code == 400
    assert (await control.get("/elsewhere")).status_code == 404


async def test_the_file_holds_every_row_at_most_100_ms_later(sandbox: Sandbox) -> None:
    path = sandbox.settings.var_dir / "ledger.jsonl"
    await send_mail(sandbox, make_mail("a@x.example"))
    await eventually(lambda: path.stat().st_size > 0, "the row is in the file")
    await send_mail(sandbox, make_mail("b@x.example"))
    await sandbox.close()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["to"] for row in rows] == ["a@x.example", "b@x.example"]


async def test_duplicates_are_found_by_key_and_by_what_is_said(
    control: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    await send_mail(sandbox, make_mail("a@x.example"))
    await send_mail(sandbox, make_mail("b@x.example"))
    await send_mail(sandbox, make_mail("a@x.example", text="other", message_id="<2@x>"))
    assert (await control.get("/summary")).json()["duplicates"]["email"] == 0
    await send_mail(sandbox, make_mail("A@x.example", text="new"))
    await send_mail(
        sandbox, make_mail("b@x.example", message_id="<3@x>", gateway="http://127.0.0.1:8")
    )
    summary = (await control.get("/summary")).json()
    assert {name: n for name, n in summary["duplicates"].items() if n} == {"email": 2}
    assert [(row["by"], row["seq"], row["first_seq"]) for row in summary["duplicate_rows"]] == [
        ("key", 4, 1),
        ("digest", 5, 2),
    ]


async def test_two_equal_notifications_to_a_rep_are_no_duplicates(
    control: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    for number in (1, 2):
        await send_mail(sandbox, make_mail("rep@reps.example", message_id=f"<{number}@x>"))
    assert (await control.get("/summary")).json()["duplicates"]["rep_mail"] == 0
    await send_mail(sandbox, make_mail("rep@reps.example", message_id="<2@x>", text="new"))
    assert (await control.get("/summary")).json()["duplicates"]["rep_mail"] == 1


async def test_the_summary_counts_by_account_and_distinct_actions(
    control: httpx.AsyncClient, sandbox: Sandbox, clock: ClockFile, gateway: Gateway
) -> None:
    for number in range(9):
        mail = make_mail(PERSON, gateway=gateway.url, message_id=f"<{number}@x>", text=f"{number}")
        await send_mail(sandbox, mail)
    await settle(sandbox, clock)
    summary = (await control.get("/summary")).json()
    assert summary["by_account"] == {"email": {"anna@acme.example": 9}}
    assert summary["distinct_actions"] == {"opened": 9}
    assert summary["actions"]["opened"] == len(gateway.hits) > 9
    assert summary["failed_actions"] == {}


async def test_actions_that_fail_are_counted_apart(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    sandbox = await begin(overrides={PERSON: {"persona": "unsubscribes"}})
    gateway.answer = lambda _hit: (404, {}, b"")
    await send_mail(sandbox, make_mail(PERSON, gateway=gateway.url))
    await settle(sandbox, clock)
    assert (sandbox.ledger.actions, sandbox.ledger.failed_actions) == ({}, {"unsubscribed": 1})


async def test_faults_are_ordered_and_checked(control: httpx.AsyncClient, sandbox: Sandbox) -> None:
    order = {"smtp": {"accept_then_drop": 2, "delay_ms": 5}, "http": {"hang": 1}}
    answer = await control.post("/faults", json=order)
    assert answer.json()["smtp"]["accept_then_drop"] == 2
    assert (sandbox.faults.smtp.accept_then_drop, sandbox.faults.http.hang) == (2, 1)
    assert (await control.post("/faults", json={"smtp": {"typo": 1}})).status_code == 400
    assert (await control.post("/faults", json={"http": {"hang": -1}})).status_code == 400
    assert sandbox.faults.http.hang == 1
    await control.post("/faults", json={})
    assert (sandbox.faults.smtp.accept_then_drop, sandbox.faults.http.hang) == (0, 0)
