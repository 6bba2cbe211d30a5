"""The HTTP API, over a socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from cadenza.storage.database import Database
from console.api import api_app
from console.api.guard import MAX_BODY_BYTES
from console.processes.common import Parts
from events.serving import gateway_server
from tests.console.desk.desk import Desk
from tests.console.desk.test_docs import API, blocks
from tests.support.eventually import PATIENCE_SECONDS, eventually

TOKEN = "a long enough token"
HEADERS = {"authorization": f"Bearer {TOKEN}"}


class Hints:
    """Counts; fails when told to."""

    def __init__(self) -> None:
        self.count = 0
        self.fails = False

    async def __call__(self) -> None:
        self.count += 1
        if self.fails:
            raise ConnectionError


@pytest.fixture
def hints() -> Hints:
    return Hints()


async def serve(parts: Parts, hints: Hints, token: SecretStr | None) -> AsyncIterator[str]:
    """The API as the gateway mounts it; gives its address."""
    app = Starlette()
    app.mount("/api", api_app(parts, token=token, hints=hints))
    server = gateway_server(app, host="127.0.0.1", port=0)
    task = asyncio.create_task(server.serve())

    async def has_started() -> bool:
        return server.started

    await eventually(has_started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


@pytest.fixture
async def api(desk: Desk, hints: Hints) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the token."""
    async for url in serve(desk.parts(), hints, SecretStr(TOKEN)):
        async with httpx.AsyncClient(
            base_url=url, headers=HEADERS, timeout=PATIENCE_SECONDS
        ) as client:
            yield client


async def get(api: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await api.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def problem(answer: httpx.Response, status: int) -> str:
    """What a problem document says; fails if it is none."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    return str(document["detail"])


async def calls(desk: Desk, count: int) -> None:
    await desk.line.enroll(count, phone="+33612345678")
    await desk.line.run(days=1.3)


async def test_without_the_token_nothing_is_answered(api: httpx.AsyncClient) -> None:
    for header in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"bearer {TOKEN}x", "Bearer é"):
        headers = {b"authorization": header.encode()}
        for path in ("/api/tasks", "/api/openapi.json", "/api/nothing"):
            answer = await api.get(path, headers=headers)
            assert "CADENZA_API_TOKEN" in problem(answer, 401)
            assert answer.headers["www-authenticate"] == 'Bearer realm="cadenza"'


async def test_without_a_configured_token_the_api_is_off(desk: Desk, hints: Hints) -> None:
    async for url in serve(desk.parts(), hints, None):
        async with httpx.AsyncClient(
            base_url=url, headers=HEADERS, timeout=PATIENCE_SECONDS
        ) as client:
            answer = await client.get("/api/tasks")
            assert "set CADENZA_API_TOKEN" in problem(answer, 503)


async def test_tasks_come_in_pages_with_all_that_a_rep_needs(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    await calls(desk, 5)
    first = await get(api, "/api/tasks", limit=2)
    second = await get(api, "/api/tasks", limit=2, after=first["next"])
    last = await get(api, "/api/tasks", limit=2, after=second["next"])
    assert last["next"] is None
    tasks = first["tasks"] + second["tasks"] + last["tasks"]
    assert len({task["id"] for task in tasks}) == 5
    task = tasks[0]
    assert task["title"] == "Call Zoé"
    assert task["script"] == "Good morning Zoé"
    assert task["checklist"] == [{"item": "Read the profile", "mandatory": False, "ticked": False}]
    assert task["dispositions"] == ["connected", "no_answer", "meeting_booked"]
    assert task["prospect"]["phone"] == "+33612345678"
    assert task["due_at"].endswith("+00:00")
    assert (task["kind"], task["cadence"], task["step"]) == ("call", "mixed", "first-call")
    shown = json.loads(blocks(API, "json")[0])["tasks"][0]
    assert list(task) == list(shown)
    assert list(task["prospect"]) == list(shown["prospect"])


async def test_tasks_are_chosen_by_owner_state_and_time(desk: Desk, api: httpx.AsyncClient) -> None:
    await calls(desk, 2)
    everyone = (await get(api, "/api/tasks"))["tasks"]
    anna = (await get(api, "/api/tasks", owner="anna"))["tasks"]
    assert [task for task in everyone if task["owner"] == "anna"] == anna
    soon = desk.line.clock.now() + timedelta(days=2)
    assert (await get(api, "/api/tasks", due_by="2026-03-01T00:00:00Z"))["tasks"] == []
    assert len((await get(api, "/api/tasks", due_by=soon.isoformat()))["tasks"]) == 2
    assert (await get(api, "/api/tasks", state="done"))["tasks"] == []
    assert len((await get(api, "/api/tasks", state="all"))["tasks"]) == 2
    one = await get(api, f"/api/tasks/{everyone[0]['id']}")
    assert one == everyone[0]


async def test_a_task_is_done_once_however_often_it_is_said(
    desk: Desk, api: httpx.AsyncClient, hints: Hints
) -> None:
    await calls(desk, 1)
    (task,) = (await get(api, "/api/tasks"))["tasks"]
    path, done = f"/api/tasks/{task['id']}/done", {"disposition": "connected", "note": "in June"}
    hints.fails = True
    first = await api.post(path, json=done)
    again = await api.post(path, json=done)
    assert first.json() == again.json()
    assert (first.json()["state"], first.json()["note"]) == ("done", "in June")
    assert hints.count == 2
    detail = problem(await api.post(path, json={"disposition": "no_answer"}), 409)
    assert detail == f"task {task['id']} was already done, as connected"
    await desk.line.work()
    assert await desk.line.value("select step from enrollment") == "again"


async def test_wrong_requests_say_what_is_wrong_and_not_whom_it_is_about(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    await calls(desk, 1)
    (task,) = (await get(api, "/api/tasks"))["tasks"]
    path = f"/api/tasks/{task['id']}/done"
    bodies: list[Any] = [
        {},
        {"disposition": ""},
        {"disposition": 7},
        {"disposition": "connected", "more": "secret"},
        {"disposition": "connected", "note": "secret\0"},
        {"disposition": "connected", "note": "secret" * 1000},
        [],
        "secret",
        None,
    ]
    for body in bodies:
        detail = problem(await api.post(path, json=body), 422)
        assert "secret" not in detail
    raws = (
        b"{",
        b"\xff",
        b'{"disposition": "\\ud800"}',
        b'{"disposition": "connected", "note": "\\ud800"}',
        b'{"disposition": "connected", "\\ud800": 1}',
        b"[" * 50_000,
    )
    for raw in raws:
        answer = await api.post(path, content=raw, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422)
        problem(answer, answer.status_code)
    assert "choose one of" in problem(await api.post(path, json={"disposition": "sold"}), 422)
    assert await desk.line.value("select state from task") == "open"
    form = await api.post(path, data={"disposition": "connected"})
    assert "`Content-Type: application/json`" in problem(form, 422)
    for query in ("limit=0", "limit=501", "after=x", "state=gone", "due_by=2026-03-02T10:00:00",
                  "due_by=9999-12-31T23:59:59-14:00", "due_by=0001-01-01T00:00:00%2B14:00",
                  "owner=%00", f"after={2**63}"):  # fmt: skip
        problem(await api.get(f"/api/tasks?{query}"), 422)


async def test_what_is_not_there_is_404(api: httpx.AsyncClient) -> None:
    assert problem(await api.get("/api/tasks/99"), 404) == "there is no task 99"
    problem(await api.post("/api/tasks/99/done", json={"disposition": "connected"}), 404)
    problem(await api.get("/api/enrollments/99"), 404)
    problem(await api.get("/api/receipts/none"), 404)
    problem(await api.get("/api/nothing"), 404)
    problem(await api.post("/api/prospects/stop", json={"who": "x@y.example", "reason": "r"}), 404)
    problem(await api.put("/api/tasks"), 405)
    problem(await api.get(f"/api/tasks/{2**63}"), 422)


async def test_bodies_are_bounded_before_they_are_read(api: httpx.AsyncClient) -> None:
    long = b"x" * (MAX_BODY_BYTES + 1)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1024 + 1):
            yield b"x" * 1024

    for content in (long, chunks()):
        answer = await api.post("/api/prospects/stop", content=content)
        assert "larger than" in problem(answer, 413)


async def test_receipts_come_with_a_page_of_verdicts(desk: Desk, api: httpx.AsyncClient) -> None:
    rows: list[Any] = [{"email": f"p{n}@example.com", "country": "FR"} for n in range(4)]
    rows.append({"email": "nonsense"})
    document = {"key": "crm/2026?x=1", "cadence": "mixed", "prospects": rows}
    await desk.line.enroller.enroll(json.dumps(document).encode())
    first = await get(api, "/api/receipts/crm%2F2026%3Fx=1", limit=3)
    assert (first["receipt"]["accepted"], first["receipt"]["rejected"]) == (4, 1)
    assert (len(first["rows"]), first["next"]) == (3, 2)
    rest = await get(api, "/api/receipts/crm%2F2026%3Fx=1", after=first["next"])
    assert [row["verdict"] for row in rest["rows"]] == ["enrolled", "rejected"]
    assert (rest["rows"][1]["field"], rest["next"]) == ("email", None)
    none = await get(api, "/api/receipts/crm%2F2026%3Fx=1", limit=0)
    assert (none["rows"], none["next"]) == ([], None)


async def test_an_enrollment_is_explained(desk: Desk, api: httpx.AsyncClient) -> None:
    await desk.line.enroll(1)
    number = await desk.line.value("select id from enrollment")
    found = await get(api, f"/api/enrollments/{number}")
    assert found == await desk.json("explain", str(number))
    assert found["waits_for"][0]["kind"] == "touch"


async def test_prospects_are_stopped(desk: Desk, api: httpx.AsyncClient) -> None:
    await desk.line.enroll(3, company="Acme")
    stop = {"who": "p1@example.com", "reason": "asked", "do_not_contact": True}
    answer = await api.post("/api/prospects/stop", json=stop)
    assert answer.json() == {"prospects": 1, "enrollments": [1], "suppressed": 2}
    answer = await api.post("/api/prospects/stop", json={"who": "acme", "reason": "customer now"})
    assert answer.json() == {"prospects": 3, "enrollments": [2, 3], "suppressed": 0}
    outcomes = await desk.line.rows("select outcome, reason from enrollment order by id")
    assert outcomes == [("opted_out", "asked"), *[("stopped", "customer now")] * 2]


async def test_while_the_database_is_away_it_says_so(desk: Desk, hints: Hints) -> None:
    async with Database("postgresql://nobody@127.0.0.1:1/none") as away:
        parts = replace(desk.parts(), database=away)
        async for url in serve(parts, hints, SecretStr(TOKEN)):
            async with httpx.AsyncClient(
                base_url=url, headers=HEADERS, timeout=PATIENCE_SECONDS
            ) as client:
                answer = await client.get("/api/tasks")
                assert problem(answer, 503) == "the database does not answer"


async def test_a_fault_of_our_own_tells_nothing_about_people(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    await desk.line.execute("alter table task rename to hidden")
    assert problem(await api.get("/api/tasks"), 500) == "internal error"


async def test_the_openapi_document_names_every_path(api: httpx.AsyncClient) -> None:
    document = await get(api, "/api/openapi.json")
    assert set(document["paths"]) == {
        "/tasks", "/tasks/{number}", "/tasks/{number}/done", "/receipts/{key}",
        "/enrollments/{number}", "/enrollments/{number}/outcome",
        "/enrollments/{number}/status", "/enrollments/{number}/events",
        "/prospects/stop", "/accounts", "/accounts/{id}/pause", "/accounts/{id}/resume",
        "/signals", "/signals/receipts/{key}",
    }  # fmt: skip
