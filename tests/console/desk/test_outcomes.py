"""What reps and other systems decide: outcomes, statuses, checklists, signals; API and commands."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from cadenza.accounts import Accounts
from tests.console.desk.desk import ACCOUNTS, Desk
from tests.console.desk.test_api import HEADERS, TOKEN, Hints, problem, serve
from tests.console.desk.test_docs import DOCS, blocks
from tests.support.eventually import PATIENCE_SECONDS, eventually
from workers.intake import SIGNAL_RECEIPT_PREFIX, SIGNAL_STREAM, Intake, signals

CRM = """
cadence: crm
title: Status and tasks
objective: meeting_booked
class: service
days: business
window: {days: mon-fri, hours: "09:00-17:00"}
signals:
  item_returned: start
  vendor_answered: heard
statuses:
  field: Lead_Status
  none: {crm: "Aucun"}
  greeted: {from: none, crm: "Salutations"}
  qualified: {from: greeted, crm: "Qualifie"}
require:
  lost: [1 call, approval of check]
  qualified: [subject.invoice_date is set]
steps:
  - step: ring
    task: call
    title: "Call {{ prospect.first_name }}"
    voicemail: "Hello, machine"
    checklist: [Look, {item: Note the date, mandatory: yes}]
    wait: done
  - step: check
    task: approval
    title: Check the invoice
    for: payments
    wait: done
  - step: rest
    wait: 30 days
  - step: done
    end: no_response
"""


@pytest.fixture
async def crm(desk: Desk) -> Desk:
    """A desk with one enrollment in the cadence `crm`."""
    await desk.line.apply(CRM)
    row = {"email": "p1@example.com", "country": "FR", "first_name": "Zoe", "subject": "o-1"}
    document = {"key": "k", "cadence": "crm", "prospects": [row]}
    await desk.line.enroller.enroll(json.dumps(document).encode())
    await desk.line.run(days=0.5)
    return desk


@pytest.fixture
async def api(crm: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async for url in serve(crm.parts(), Hints(), SecretStr(TOKEN)):
        async with httpx.AsyncClient(
            base_url=url, headers=HEADERS, timeout=PATIENCE_SECONDS
        ) as client:
            yield client


async def work_tasks(desk: Desk, *dispositions: str) -> None:
    for disposition in dispositions:
        number = await desk.line.value("select id from task where state = 'open'")
        await desk.ok("tasks", "done", str(number), "-d", disposition, "--tick-all")
        await desk.line.run(days=1)


async def test_an_outcome_waits_for_what_the_cadence_requires(
    crm: Desk, api: httpx.AsyncClient
) -> None:
    answer = await api.post("/api/enrollments/1/outcome", json={"outcome": "lost"})
    said = problem(answer, 409)
    assert (
        said == "before outcome lost the cadence requires 1 more call and the approval of `check`"
    )
    assert answer.json()["missing"] == ["1 more call", "the approval of `check`"]
    assert "1 more call" in await crm.refused("outcome", "1", "lost")
    await work_tasks(crm, "no_answer", "refused")
    answer = await api.post("/api/enrollments/1/outcome", json={"outcome": "lost"})
    assert answer.json()["missing"] == ["the approval of `check`"]
    await crm.line.execute("update task set disposition = 'approved' where step = 'check'")
    lost = {"outcome": "lost", "note": "too dear"}
    for _ in range(2):
        answer = await api.post("/api/enrollments/1/outcome", json=lost)
        assert answer.json() == {"enrollment": 1, "outcome": "lost"}
    assert await crm.line.rows("select status, outcome, reason from enrollment") == [
        ("finished", "lost", "too dear")
    ]
    assert "ended already, as lost" in await crm.refused("outcome", "1", "won")
    answer = await api.post("/api/enrollments/9/outcome", json=lost)
    assert problem(answer, 404) == "there is no enrollment 9"
    assert (await api.post("/api/enrollments/1/outcome", json={"outcome": "moved"})).is_error


async def test_an_opt_out_waits_for_nothing_and_forbids(crm: Desk) -> None:
    told = await crm.ok("outcome", "1", "opted_out", "--note", "asked on the phone")
    assert told == "enrollment 1 ended: opted_out\n"
    assert await crm.line.value("select outcome from enrollment") == "opted_out"
    keys = await crm.line.rows("select key from suppression order by key")
    assert ("email:p1@example.com",) in keys


async def test_a_status_follows_its_legal_transitions(crm: Desk, api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/enrollments/1/status", json={"status": "qualified"})
    assert problem(answer, 409) == "status 'qualified' cannot follow 'none'; choose greeted"
    told = (await api.post("/api/enrollments/1/status", json={"status": "greeted"})).json()
    assert told["crm"] == {"field": "Lead_Status", "value": "Salutations"}
    assert told["legal"] == ["qualified"]
    said = await crm.refused("status-of", "1", "--set", "qualified")
    assert "a value for `subject.invoice_date`" in said
    assert "choose one of: none, greeted" in await crm.refused("status-of", "1", "--set", "x")
    told = (await api.get("/api/enrollments/1/status")).json()
    assert [span["status"] for span in told["history"]] == ["none", "greeted"]
    shown = await crm.ok("status-of", "1")
    assert "Lead_Status = Salutations" in shown


async def test_a_task_is_not_done_without_what_is_mandatory(
    crm: Desk, api: httpx.AsyncClient
) -> None:
    number = await crm.line.value("select id from task")
    told = await crm.refused("tasks", "done", str(number), "-d", "connected", "--tick", "1")
    assert told.endswith("is not done without all of its checklist: 2: Note the date")
    path = f"/api/tasks/{number}/done"
    answer = await api.post(path, json={"disposition": "connected"})
    assert problem(answer, 422)
    assert answer.json()["missing"] == [2]
    assert await crm.line.value("select state from task") == "open"
    task = (await api.post(path, json={"disposition": "connected", "ticked": [2]})).json()
    assert task["state"] == "done"
    assert [item["ticked"] for item in task["checklist"]] == [False, True]
    assert task["voicemail"] == "Hello, machine"


async def test_a_team_has_its_own_list(crm: Desk, api: httpx.AsyncClient) -> None:
    await work_tasks(crm, "connected")
    (task,) = await crm.json("tasks", "list", "--role", "payments")
    assert (task["kind"], task["role"]) == ("approval", "payments")
    for owner, count in (("anna", 0), ("bert", 1)):
        assert len(await crm.json("tasks", "list", "--owner", owner)) == count
        found = (await api.get("/api/tasks", params={"owner": owner})).json()["tasks"]
        assert len(found) == count
    found = (await api.get("/api/tasks", params={"role": "payments"})).json()["tasks"]
    assert [task["role"] for task in found] == ["payments"]
    assert (await api.get("/api/tasks", params={"role": "others"})).json()["tasks"] == []


async def test_another_system_tells_of_a_meeting_once(crm: Desk, api: httpx.AsyncClient) -> None:
    for is_new in (True, False):
        answer = await api.post("/api/enrollments/1/events", json={"event": "meeting_booked"})
        assert answer.json()["is_new"] is is_new
    answer = await api.post("/api/enrollments/1/events", json={"event": "replied"})
    assert answer.status_code == 422
    await crm.line.applier.apply_all()
    assert await crm.line.rows("select status, outcome from enrollment") == [("finished", "won")]


async def test_signals_come_over_http_and_by_hand(crm: Desk, api: httpx.AsyncClient) -> None:
    told: list[Any] = [
        {"signal": "item_returned", "subject": "o-2", "prospect": {"email": "x@example.com"}},
        {"signal": "vendor_answered", "subject": "o-1", "fields": {"answer": "yes"}},
    ]
    for _ in range(2):
        answer = (await api.post("/api/signals", json={"key": "s-1", "signals": told})).json()
        assert [row["verdict"] for row in answer["rows"]] == ["rejected", "recorded"]
    assert (await api.get("/api/signals/receipts/s-1")).json()["rows"] == answer["rows"]
    problem(await api.get("/api/signals/receipts/none"), 404)
    problem(await api.post("/api/signals", json={"key": "s 1", "signals": told}), 422)
    said = await crm.ok(
        "signal", "vendor_answered", "--subject", "o-1", "--field", "answer=no", "--key", "c-1"
    )
    assert said == "recorded vendor_answered under key c-1\n"
    said = await crm.refused("signal", "vendor_asked", "--subject", "o-1")
    assert "`signal` is declared by no applied cadence; declared: item_returned" in said
    await crm.line.applier.apply_all()
    assert await crm.line.value("select subject_fields from enrollment") == {"answer": "no"}
    explained = (await api.get("/api/enrollments/1")).json()
    assert "vendor_answered" in [event["type"] for event in explained["events"]]


async def test_the_documented_signal_starts_what_it_says(crm: Desk) -> None:
    text = (DOCS / "signals.md").read_text(encoding="utf-8")
    add, get = (line for line in blocks(text, "")[0].splitlines())
    message = add.partition(" message ")[2].strip("'")
    key = get.rpartition(":")[2]
    async with Redis.from_url(crm.redis_url) as client, Redis.from_url(crm.redis_url) as reader:
        intake = Intake(client=reader, inlet=signals(crm.line.signals.take), consumer="c")
        reading = asyncio.create_task(intake.run())
        await client.xadd(SIGNAL_STREAM, {"message": message})
        document = await eventually(lambda: client.get(SIGNAL_RECEIPT_PREFIX + key))
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    shown = json.loads(blocks(text, "json")[1])
    assert {**json.loads(document or ""), "received_at": shown["received_at"]} == shown
    await crm.line.applier.apply_all()
    assert await crm.line.value("select count(*) from enrollment where subject = 'order-17'") == 1


def test_the_accounts_of_these_tests_have_a_team() -> None:
    roles = Accounts.model_validate(ACCOUNTS).roles_of("bert")
    assert list(roles) == ["payments"]
