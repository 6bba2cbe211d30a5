"""What a receiver of webhooks gets, and what its answers mean."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from pydantic import SecretStr

from cadenza.errors import (
    ConfigurationError,
    PermanentSendError,
    SendError,
    TransientSendError,
)
from cadenza.model import Channel, OutboundWebhook, TouchId
from sandbox.main import Sandbox
from sandbox.settings import SandboxSettings
from senders.webhook_http import MOST_OCTETS, WebhookSender, signature
from tests.senders.fake_http import FakeReceiver, Response

one_loop = pytest.mark.asyncio(loop_factories=["uvloop"])


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[FakeReceiver]:
    async with FakeReceiver() as fake:
        yield fake


@pytest_asyncio.fixture
async def sender(receiver: FakeReceiver) -> AsyncIterator[WebhookSender]:
    made = WebhookSender.for_account(receiver.account())
    await made.open()
    yield made
    await made.close()


async def begin() -> None:
    pass


async def test_the_document_is_posted_and_signed(
    receiver: FakeReceiver, sender: WebhookSender
) -> None:
    accepted = await sender.send(receiver.touch(7), begin)
    (request,) = receiver.requests
    assert json.loads(request.body) == receiver.touch(7).document
    assert request.headers["content-type"] == "application/json"
    assert accepted.provider_id == request.headers["webhook-id"] == "touch_7"
    at = request.headers["webhook-timestamp"]
    assert abs(time.time() - int(at)) < 60
    key = base64.b64decode(FakeReceiver.secret.removeprefix("whsec_"))
    digest = hmac.new(key, b"touch_7." + at.encode() + b"." + request.body, hashlib.sha256)
    right = base64.b64encode(digest.digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{right}"


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the reference libraries (standard-webhooks, any language)."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert made == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_the_same_touch_has_the_same_id_again(
    receiver: FakeReceiver, sender: WebhookSender
) -> None:
    for _ in range(2):
        await sender.send(receiver.touch(7), begin)
    assert [r.headers["webhook-id"] for r in receiver.requests] == ["touch_7", "touch_7"]
    assert sender.features.idempotent


ANSWERS: list[tuple[int, type[SendError], str]] = [
    (408, TransientSendError, "come again"),
    (409, TransientSendError, "come again"),
    (425, TransientSendError, "come again"),
    (429, TransientSendError, "come again"),
    (500, TransientSendError, "come again"),
    (503, TransientSendError, "come again"),
    (301, TransientSendError, "account trouble"),
    (401, TransientSendError, "account trouble"),
    (403, TransientSendError, "account trouble"),
    (400, PermanentSendError, "refused"),
    (404, PermanentSendError, "refused"),
    (410, PermanentSendError, "refused"),
    (422, PermanentSendError, "refused"),
]


@one_loop
@pytest.mark.parametrize(("status", "kind", "told"), ANSWERS)
async def test_an_answer_is_known_by_its_status(
    receiver: FakeReceiver, sender: WebhookSender, status: int, kind: type[SendError], told: str
) -> None:
    receiver.script = [
        Response(status=status, document=b"", headers={"Location": "https://elsewhere.example/"})
    ]
    with pytest.raises(SendError, match=told) as caught:
        await sender.send(receiver.touch(1), begin)
    assert type(caught.value) is kind
    assert caught.value.code == str(status)
    assert len(receiver.requests) == 1


@one_loop
async def test_who_says_when_to_come_again_is_believed(
    receiver: FakeReceiver, sender: WebhookSender
) -> None:
    receiver.script = [Response(status=503, document=b"", headers={"Retry-After": "120"})]
    with pytest.raises(TransientSendError) as caught:
        await sender.send(receiver.touch(1), begin)
    assert caught.value.retry_after == timedelta(seconds=120)


@one_loop
async def test_a_long_answer_is_not_read_to_its_end(
    receiver: FakeReceiver, sender: WebhookSender
) -> None:
    receiver.script = [Response(status=200, document=b"x" * 1024 * 1024)]
    await sender.send(receiver.touch(1), begin)
    await sender.send(receiver.touch(2), begin)
    assert receiver.received == ["touch-1", "touch-2"]


@one_loop
@pytest.mark.parametrize("value", ["x" * MOST_OCTETS, "\ud800", {1, 2}])
async def test_what_cannot_be_written_does_not_begin(
    receiver: FakeReceiver, sender: WebhookSender, value: object
) -> None:
    touch = OutboundWebhook(
        touch_id=TouchId(1), account_id="crm", recipient="x", document={"fields": {"a": value}}
    )
    with pytest.raises(PermanentSendError) as caught:
        await sender.send(touch, begin)
    assert caught.value.code == "body"
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://crm.example.com/hooks", "write https"),
        ("ftp://crm.example.com/", "write the receiver's address"),
        ("https:///hooks", "write the receiver's address"),
        ("https://crm.example.com/hooks#top", "write the receiver's address"),
        ("https://crm.example.com:port/", "write the receiver's address"),
        ("https://crm.example.com/a b", "write the receiver's address"),
        ("https://jo:s3cret@crm.example.com/", "without a name and password"),
    ],
)
def test_an_address_that_is_not_fit_is_refused(address: str, told: str) -> None:
    account = FakeReceiver().account(allow_http=False).model_copy(update={"address": address})
    with pytest.raises(ConfigurationError, match=told) as caught:
        WebhookSender.for_account(account)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "secret", ["whsec_c2hvcnQ=", "no-prefix", "whsec_!!", "whsec_" + "A" * 400]
)
def test_a_secret_of_another_form_is_refused_and_not_shown(secret: str) -> None:
    account = FakeReceiver().account()
    wrong = account.model_copy(update={"secrets": {"signing": SecretStr(secret)}})
    with pytest.raises(ConfigurationError, match=r"secrets\.signing: write `whsec_`") as caught:
        WebhookSender.for_account(wrong)
    assert secret not in str(caught.value)


async def test_the_sandbox_takes_what_is_sent(tmp_path: object) -> None:
    sandbox = Sandbox(
        SandboxSettings.model_validate(
            {"var_dir": str(tmp_path), "webhook": {"secret": FakeReceiver.secret}}
        )
    )
    await sandbox.start()
    address = f"http://127.0.0.1:{sandbox.ports['webhook']}/hooks?x=1"
    account = FakeReceiver().account().model_copy(update={"address": address})
    sender = WebhookSender.for_account(account)
    await sender.open()
    try:
        for _ in range(2):
            assert account.channel is Channel.WEBHOOK
            await sender.send(FakeReceiver().touch(7), begin)
    finally:
        await sender.close()
        await sandbox.close()
    rows = [row.document() for row in sandbox.ledger.after(0, 10)]
    assert [row["note"] for row in rows] == ["lead.contacted", "lead.contacted repeated"]
    assert sandbox.ledger.rejected == {}
