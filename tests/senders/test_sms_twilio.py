"""Twilio's answers and what is known of a message after each."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from cadenza.errors import (
    AmbiguousSendError,
    ConfigurationError,
    PermanentSendError,
    SendError,
    TransientSendError,
)
from senders.sms_twilio import TwilioSender
from tests.senders.fake_http import ACCOUNT_SID, FakeTwilio, Response

# What answers mean does not depend on the loop; the contract is tested on both.
one_loop = pytest.mark.asyncio(loop_factories=["uvloop"])

SERVICE = "MG" + "0b" * 16


@pytest_asyncio.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    async with FakeTwilio() as fake:
        yield fake


@pytest_asyncio.fixture
async def sender(twilio: FakeTwilio) -> AsyncIterator[TwilioSender]:
    made = TwilioSender.for_account(twilio.account())
    await made.open()
    yield made
    await made.close()


async def begin() -> None:
    pass


async def test_the_form_is_twilios(twilio: FakeTwilio, sender: TwilioSender) -> None:
    accepted = await sender.send(twilio.touch(1), begin)
    assert accepted.provider_id == "SM" + "0" * 31 + "1"
    assert accepted.detail == "queued"
    assert twilio.form() == {
        "To": "+33612345678",
        "From": "+15551234567",
        "Body": "Bonjour Élodie & co: touch-1",
        "StatusCallback": "https://c.example/sms/1",
    }
    content_type = twilio.requests[0].headers["content-type"]
    assert content_type == "application/x-www-form-urlencoded"


async def test_a_messaging_service_chooses_the_number(twilio: FakeTwilio) -> None:
    sender = TwilioSender.for_account(twilio.account(messaging_service_sid=SERVICE))
    await sender.open()
    await sender.send(twilio.touch(1), begin)
    await sender.close()
    assert twilio.form()["MessagingServiceSid"] == SERVICE
    assert "From" not in twilio.form()


ANSWERS: list[tuple[int, object, type[SendError], str, bool]] = [
    (400, {"code": 21211}, PermanentSendError, "21211", True),
    (400, {"code": 21614}, PermanentSendError, "21614", True),
    (400, {"code": 21635}, PermanentSendError, "21635", True),
    (400, {"code": 21610}, PermanentSendError, "21610", False),
    (400, {"code": 21617}, PermanentSendError, "21617", False),
    (400, {"code": 21612}, PermanentSendError, "21612", False),
    (400, {"code": "21211"}, PermanentSendError, "400", False),
    (400, b"<html>", PermanentSendError, "400", False),
    (400, {"code": 21659}, TransientSendError, "21659", False),
    (401, {"code": 20003}, TransientSendError, "20003", False),
    (404, {"code": 20404}, TransientSendError, "20404", False),
    (403, b"", TransientSendError, "403", False),
    (302, b"", TransientSendError, "302", False),
    (429, {"code": 20429}, TransientSendError, "20429", False),
    (429, b"slow down", TransientSendError, "429", False),
    (429, {"code": 63038}, TransientSendError, "63038", False),
    (400, {"code": 21611}, TransientSendError, "21611", False),
    (503, {"code": 20503}, TransientSendError, "20503", False),
    (503, b"no upstream", AmbiguousSendError, "503", False),
    (500, {"code": 20500}, AmbiguousSendError, "20500", False),
    (502, b"", AmbiguousSendError, "502", False),
    (504, b"", AmbiguousSendError, "504", False),
    (201, {"status": "queued"}, AmbiguousSendError, "201", False),
    (201, b"[" * 100_000, AmbiguousSendError, "201", False),
    (201, b'["sid"]', AmbiguousSendError, "201", False),
    (201, {"sid": "SM1", "padding": "x" * 300_000}, AmbiguousSendError, "201", False),
]


@one_loop
@pytest.mark.parametrize(
    ("status", "document", "kind", "code", "invalid"),
    ANSWERS,
    ids=[f"{status}-{code}-{n}" for n, (status, _, _, code, _) in enumerate(ANSWERS)],
)
async def test_an_answer_is_known_by_code_or_status(
    twilio: FakeTwilio,
    sender: TwilioSender,
    status: int,
    document: object,
    kind: type[SendError],
    code: str,
    invalid: bool,
) -> None:
    twilio.script = [Response(status=status, document=document)]
    with pytest.raises(SendError) as caught:
        await sender.send(twilio.touch(1), begin)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert getattr(caught.value, "recipient_invalid", False) is invalid
    assert len(twilio.requests) == 1
    await sender.send(twilio.touch(2), begin)


@one_loop
@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ("7", timedelta(seconds=7)),
        ("999999", timedelta(days=1)),
        ("-5", timedelta(seconds=10)),
        ("Fri, 31 Dec 1999 23:59:59 GMT", timedelta(seconds=10)),
    ],
)
async def test_retry_after_is_heeded_within_reason(
    twilio: FakeTwilio, sender: TwilioSender, said: str, waits: timedelta
) -> None:
    twilio.script = [Response(status=429, document={}, headers={"Retry-After": said})]
    with pytest.raises(TransientSendError) as caught:
        await sender.send(twilio.touch(1), begin)
    assert caught.value.retry_after == waits


async def test_an_answer_without_end_is_given_up_in_time(twilio: FakeTwilio) -> None:
    sender = TwilioSender.for_account(twilio.account(timeout_seconds=0.3))
    await sender.open()
    twilio.drips = True
    endless = Response(status=201, document={"sid": "SM1"}, headers={"Transfer-Encoding": "x"})
    twilio.script = [endless]
    with pytest.raises(AmbiguousSendError):
        await sender.send(twilio.touch(1), begin)
    twilio.drips = False
    await sender.close()


async def test_a_kept_connection_that_twilio_closed_is_replaced(
    twilio: FakeTwilio, sender: TwilioSender
) -> None:
    await sender.send(twilio.touch(1), begin)
    await twilio.hang_up()
    await sender.send(twilio.touch(2), begin)
    assert twilio.connections == 2
    assert twilio.received == ["touch-1", "touch-2"]


async def test_proxies_of_the_environment_are_not_used(
    twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    sender = TwilioSender.for_account(twilio.account())
    await sender.open()
    await sender.send(twilio.touch(1), begin)
    await sender.close()
    assert twilio.received == ["touch-1"]


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("account_sid", "AC1", r"settings\.account_sid"),
        ("messaging_service_sid", "XX", r"settings\.messaging_service_sid"),
        ("api_base", "http://api.example.com", r"settings\.api_base: write https"),
        ("api_base", "https://user:pass@api.example.com", r"credentials do not belong"),
        ("api_base", "ftp://x", r"write an address like"),
        ("connections", 0, r"settings\.connections"),
        ("timeout_seconds", 0, r"settings\.timeout_seconds"),
    ],
)
def test_a_wrong_setting_is_told(setting: str, value: object, told: str) -> None:
    account = FakeTwilio().account(**{setting: value})
    with pytest.raises(ConfigurationError, match=told):
        TwilioSender.route(account)


def test_accounts_of_one_twilio_account_share_a_route_unless_a_service_differs() -> None:
    one = FakeTwilio().account()
    other = one.model_copy(update={"id": "b", "address": "+15557654321"})
    assert TwilioSender.route(one) == TwilioSender.route(other)
    assert TwilioSender.route(one) != TwilioSender.route(
        FakeTwilio().account(messaging_service_sid=SERVICE)
    )
    assert ACCOUNT_SID in TwilioSender.route(one)


async def test_https_is_checked_against_the_systems_authorities() -> None:
    async with FakeTwilio(tls=True) as twilio:
        account = twilio.account(api_base=f"https://localhost:{twilio.port}")
        sender = TwilioSender.for_account(account)
        await sender.open()
        with pytest.raises(TransientSendError, match="cannot be reached"):
            await sender.send(twilio.touch(1), begin)
        await sender.close()
    assert twilio.requests == []
