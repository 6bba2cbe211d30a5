"""The system that is told by webhooks, request by request."""

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from sandbox.main import Sandbox
from tests.sandbox.conftest import Begin
from tests.support.eventually import PATIENCE_SECONDS

KEY = b"k" * 32
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
BODY = b'{"event":"lead.contacted","cadence":"inbound","touch":7}'


@pytest.fixture
async def sandbox(begin: Begin) -> Sandbox:
    return await begin(webhook={"secret": SECRET})


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    base = f"http://127.0.0.1:{sandbox.ports['webhook']}"
    async with httpx.AsyncClient(
        base_url=base, trust_env=False, timeout=PATIENCE_SECONDS
    ) as client:
        yield client


def signed(body: bytes = BODY, *, name: str = "touch_7", age: int = 0) -> dict[str, str]:
    at = str(int(time.time()) - age)
    digest = hmac.new(KEY, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,bm90IHRoaXM= v1,{base64.b64encode(digest).decode()}",
    }


async def test_a_signed_webhook_is_taken_and_kept(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    answer = await client.post("/crm/hooks", content=BODY, headers=signed())
    assert (answer.status_code, answer.json()) == (200, {"taken": "touch_7"})
    (row,) = [row.document() for row in sandbox.ledger.after(0, 10)]
    assert (row["channel"], row["to"], row["key"]) == ("webhook", "/crm/hooks", "touch_7")
    assert (row["account"], row["note"]) == ("inbound", "lead.contacted")


async def test_one_that_comes_again_is_no_second_one(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    for _ in range(2):
        assert (await client.post("/", content=BODY, headers=signed())).status_code == 200
    notes = [row.document()["note"] for row in sandbox.ledger.after(0, 10)]
    assert notes == ["lead.contacted", "lead.contacted repeated"]
    assert sandbox.ledger.duplicates == []


Headers = Callable[[], dict[str, str]]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (dict, BODY, 400),
        (lambda: {**signed(), "webhook-timestamp": "soon"}, BODY, 400),
        (lambda: signed(age=301), BODY, 400),
        (lambda: signed(age=-310), BODY, 400),
        (signed, BODY + b" ", 401),
        (lambda: {**signed(), "webhook-id": "touch_8"}, BODY, 401),
        (lambda: {**signed(), "webhook-signature": "v1a,x"}, BODY, 401),
        (lambda: signed(b"[1]"), b"[1]", 400),
    ],
)
async def test_what_is_not_right_is_refused_and_noted(
    client: httpx.AsyncClient, sandbox: Sandbox, headers: Headers, body: bytes, status: int
) -> None:
    assert (await client.post("/", content=body, headers=headers())).status_code == status
    assert sandbox.ledger.rejected == {"webhook": 1}
    assert sandbox.ledger.accepted == {}
