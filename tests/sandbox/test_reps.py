"""The reps work through their tasks."""

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from sandbox.ledger import Action
from sandbox.main import Sandbox
from sandbox.reps import Reps
from sandbox.settings import RepsSettings
from tests.sandbox.conftest import Begin
from tests.sandbox.world import ClockFile, Gateway, Hit, at_rest, eventually

HOUR_US = 3_600_000_000
CALL = ["no_answer", "left_voicemail", "connected", "meeting_booked"]


def task(number: int, due_at: str, dispositions: list[str] | None = None) -> dict[str, Any]:
    return {
        "id": number,
        "kind": "call",
        "due_at": due_at,
        "prospect": {"email": f"p{number}@x.example"},
        "dispositions": dispositions or CALL,
    }


async def poll(sandbox: Sandbox, clock: ClockFile) -> None:
    clock.jump(HOUR_US)
    sandbox.agenda.run_due()
    await eventually(lambda: at_rest(sandbox), "the reps have finished")


async def test_due_tasks_of_all_pages_are_done(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    sandbox = await begin(reps={"api_base": gateway.url, "token": "secret"})
    now = sandbox.clock.now()
    past, future = now.isoformat(), (now + timedelta(days=3)).isoformat()
    pages = {
        None: {"tasks": [task(1, past), task(2, future)], "next": "c2"},
        "c2": {"tasks": [task(3, past)], "next": None},
    }

    def answer(hit: Hit) -> tuple[int, dict[str, str], bytes]:
        query = dict(parse_qsl(hit.query))
        page = pages[query.get("after")] if hit.method == "GET" else {}
        return 200, {}, json.dumps(page).encode()

    gateway.answer = answer
    await poll(sandbox, clock)
    lists = gateway.named("/api/tasks")
    asked = [dict(parse_qsl(hit.query)) for hit in lists]
    assert [(q["state"], q["limit"], q.get("after")) for q in asked] == [
        ("open", "500", None),
        ("open", "500", "c2"),
    ]
    assert all(datetime.fromisoformat(q["due_by"]) > now for q in asked)
    done = [hit for hit in gateway.hits if hit.method == "POST"]
    assert {hit.path for hit in done} == {"/api/tasks/1/done", "/api/tasks/3/done"}
    assert all(hit.headers["authorization"] == "Bearer secret" for hit in gateway.hits)
    document = json.loads(done[0].body)
    assert document["disposition"] in CALL
    assert set(document) == {"disposition", "note", "tick_all"}
    assert sandbox.ledger.actions == {"task_done": 2}
    await poll(sandbox, clock)
    assert len(gateway.named("/api/tasks")) == 4


async def test_a_task_that_was_closed_meanwhile_is_noted(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    sandbox = await begin(reps={"api_base": gateway.url, "token": "secret"})
    tasks = {"tasks": [task(1, sandbox.clock.now().isoformat())], "next": None}

    def answer(hit: Hit) -> tuple[int, dict[str, str], bytes]:
        return (200, {}, json.dumps(tasks).encode()) if hit.method == "GET" else (409, {}, b"")

    gateway.answer = answer
    await poll(sandbox, clock)
    rows = [row for row in sandbox.ledger.after(0, 9) if isinstance(row, Action)]
    assert [(row.action, row.done, row.status, row.person) for row in rows] == [
        ("task_done", False, "409", "p1@x.example")
    ]


@pytest.mark.parametrize(
    ("status", "body"), [(401, b"{}"), (200, b"[]"), (200, b"no"), (200, b'{"tasks": [{}]}')]
)
async def test_an_answer_that_is_no_list_is_noted_and_polling_goes_on(
    begin: Begin, clock: ClockFile, gateway: Gateway, status: int, body: bytes
) -> None:
    sandbox = await begin(reps={"api_base": gateway.url, "token": "secret"})
    gateway.answer = lambda _hit: (status, {}, body)
    await poll(sandbox, clock)
    assert sandbox.ledger.failed_actions == {"tasks_listed": 1}
    await poll(sandbox, clock)
    assert len(gateway.hits) == 2


async def test_dispositions_are_seeded_and_weighted(begin: Begin) -> None:
    sandbox = await begin()

    def reps(seed: int) -> Reps:
        nobody: Any = None
        return Reps(
            RepsSettings(api_base="http://127.0.0.1:9", token="t"),
            seed,
            clock=sandbox.clock,
            agenda=sandbox.agenda,
            ledger=sandbox.ledger,
            web=nobody,
        )

    tasks = [task(number, "2026-03-02T10:00:00+00:00") for number in range(4000)]
    first = [reps(1).disposition(each) for each in tasks]
    assert first == [reps(1).disposition({**each, "id": 0}) for each in tasks]
    assert first != [reps(2).disposition(each) for each in tasks]
    shares = Counter(first)
    assert shares["no_answer"] / 4000 == pytest.approx(0.45, abs=0.03)
    assert shares["left_voicemail"] / 4000 == pytest.approx(0.25, abs=0.03)
    assert shares["connected"] / 4000 == pytest.approx(0.22, abs=0.03)
    assert shares["meeting_booked"] / 4000 == pytest.approx(0.08, abs=0.02)
    others = Counter(reps(1).disposition({**each, "dispositions": ["a", "b"]}) for each in tasks)
    assert others["a"] / 4000 == pytest.approx(0.5, abs=0.03)
