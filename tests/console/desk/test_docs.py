"""The examples of docs/enrollment.md and docs/http-api.md do what is said of them."""

import json
import re
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from cadenza.enrolling.message import check_row, read_message
from console.api import api_app
from tests.console.desk.desk import Desk
from tests.support.eventually import eventually

DOCS = Path(__file__).parents[3] / "docs"
ENROLLMENT = (DOCS / "enrollment.md").read_text(encoding="utf-8")
API = (DOCS / "http-api.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    return [body for named, body in fenced if named == language]


async def test_the_redis_commands_enroll_and_give_the_receipt_that_is_shown(desk: Desk) -> None:
    commands = [shlex.split(b) for b in blocks(ENROLLMENT, "") if b.startswith("redis-cli")]
    add, get = (command[1:] for command in commands)
    await desk.line.execute("update cadence set name = 'ten-touch'")
    async with desk.intake(), Redis.from_url(desk.redis_url) as redis:
        run: Callable[..., Awaitable[Any]] = redis.execute_command
        await run(*add)
        document = await eventually(lambda: run(*get))
    shown = json.loads(blocks(ENROLLMENT, "json")[2])
    assert {**json.loads(document), "received_at": shown["received_at"]} == shown


def test_the_message_that_is_shown_is_a_good_one(desk: Desk) -> None:
    message = read_message(blocks(ENROLLMENT, "json")[0].encode())
    row = check_row(message.rows[0], desk.line.accounts)
    assert (row.prospect.key, row.prospect.time_zone) == ("id:0038d00000XyZ", "Europe/Paris")
    assert row.prospect.phone == "+33612345678"


async def test_the_client_is_used_as_it_is_shown(desk: Desk) -> None:
    await desk.line.execute("update cadence set name = 'ten-touch'")
    (code,) = blocks(ENROLLMENT, "python")
    code = code.replace("redis://localhost:6379", desk.redis_url).replace("print(", "said.append(")
    said: list[Any] = []
    function = "async def example():\n" + "".join(f"    {line}\n" for line in code.splitlines())
    scope: dict[str, Any] = {"said": said}
    exec(function, scope)
    async with desk.intake():
        await scope["example"]()
    assert said == [1]


def test_every_path_of_the_api_is_described(desk: Desk) -> None:
    described = set(re.findall(r"^### `(GET|POST) /api(/\S+)`", API, re.M))
    paths = api_app(desk.parts(), token=None).openapi()["paths"]
    served = {
        (method.upper(), path.replace("{number}", "{id}"))
        for path, methods in paths.items()
        for method in methods
    }
    assert described == served
