"""The SMS provider, request by request."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from sandbox.main import Sandbox
from sandbox.sms_provider import twilio_signature
from sandbox.sms_segments import count_segments
from tests.sandbox.conftest import Begin
from tests.sandbox.world import ClockFile, Gateway, Hit, settle
from tests.support.eventually import PATIENCE_SECONDS

SID = "AC" + "0123456789abcdef" * 2
SERVICE = "MG" + "0123456789abcdef" * 2
URL = f"/2010-04-01/Accounts/{SID}/Messages.json"
NUMBER = "+15550001111"
PERSON = "+33612345678"


def settings(gateway: Gateway | None = None, **more: Any) -> dict[str, Any]:
    sms = {"accounts": {SID: "token"}, **more.pop("sms", {})}
    if gateway is not None:
        sms["inbound_url"] = f"{gateway.url}/inbound?x=1"
    return {"sms": sms, "rates": {"sms_undelivered": 0, "sms_stop": 0, "sms_reply": 0}, **more}


def client_of(sandbox: Sandbox, token: str = "token") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{sandbox.ports['sms']}",
        auth=(SID, token),
        timeout=PATIENCE_SECONDS,
        trust_env=False,
    )


def fields(hit: Hit) -> dict[str, str]:
    return dict(parse_qsl(hit.body.decode(), keep_blank_values=True))


@pytest.fixture
async def sandbox(begin: Begin) -> Sandbox:
    return await begin(**settings())


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(sandbox) as client:
        yield client


async def test_a_message_is_created_and_fetched(client: httpx.AsyncClient) -> None:
    form = {"To": PERSON, "From": NUMBER, "Body": "Bonjour Zoé 👋"}
    created = await client.post(URL, data=form)
    assert created.status_code == 201
    message = created.json()
    assert message["sid"].startswith("SM")
    assert len(message["sid"]) == 34
    assert (message["to"], message["from"], message["body"]) == (PERSON, NUMBER, form["Body"])
    assert (message["status"], message["num_segments"]) == ("queued", "1")
    assert message["direction"] == "outbound-api"
    fetched = await client.get(message["uri"])
    assert fetched.json() == message


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"To": "0612345678", "From": NUMBER, "Body": "x"}, 400, 21211),
        ({"To": PERSON, "Body": "x"}, 400, 21603),
        ({"To": PERSON, "From": NUMBER}, 400, 21602),
        ({"To": PERSON, "From": NUMBER, "Body": "x" * 1601}, 400, 21617),
        ({"To": PERSON, "MessagingServiceSid": "MG0", "Body": "x"}, 400, 21701),
    ],
)
async def test_wrong_messages_are_refused_in_the_providers_shape(
    client: httpx.AsyncClient, sandbox: Sandbox, form: dict[str, str], status: int, code: int
) -> None:
    answer = await client.post(URL, data=form)
    assert answer.status_code == status
    assert answer.json()["code"] == code
    assert set(answer.json()) == {"code", "message", "more_info", "status"}
    assert sandbox.ledger.rejected == {"sms": 1}
    assert sandbox.agenda.pending == 0


async def test_a_wrong_token_is_refused(sandbox: Sandbox) -> None:
    async with client_of(sandbox, token="wrong") as client:
        answer = await client.post(URL, data={"To": PERSON, "From": NUMBER, "Body": "x"})
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)


async def test_unknown_paths_and_messages_are_not_found(client: httpx.AsyncClient) -> None:
    for path in ("/", URL.replace(".json", "/SM1.json")):
        assert (await client.get(path)).json()["code"] == 20404


async def test_requests_above_the_rate_are_refused(begin: Begin) -> None:
    sandbox = await begin(**settings(sms={"requests_per_second": 0.001}))
    async with client_of(sandbox) as client:
        assert (await client.get(URL)).status_code == 200
        refused = await client.get(URL)
        unsent = await client.post(URL, data={"To": PERSON, "From": NUMBER, "Body": "x"})
    assert (refused.status_code, refused.json()["code"]) == (429, 20429)
    assert (unsent.status_code, unsent.json()["code"]) == (429, 20429)
    assert sandbox.ledger.rejected == {"sms": 1}


async def test_a_messaging_service_picks_the_sender_later(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    pool = ["+15550000001", "+15550000002"]
    sandbox = await begin(**settings(sms={"messaging_services": {SERVICE: pool}}))
    form = {
        "To": PERSON,
        "MessagingServiceSid": SERVICE,
        "Body": "x",
        "StatusCallback": f"{gateway.url}/status",
    }
    async with client_of(sandbox) as client:
        created = (await client.post(URL, data=form)).json()
        assert (created["from"], created["status"]) == (None, "accepted")
        assert created["num_segments"] == "0"
        await settle(sandbox, clock)
        later = (await client.get(created["uri"])).json()
    assert later["from"] in pool
    assert later["status"] == "delivered"
    assert fields(gateway.named("/status")[0])["MessagingServiceSid"] == SERVICE


async def test_status_callbacks_come_in_order_and_signed(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    sandbox = await begin(**settings(gateway))
    url = f"{gateway.url}/status?touch=7"
    async with client_of(sandbox) as client:
        form = {"To": PERSON, "From": NUMBER, "Body": "x", "StatusCallback": url}
        sid = (await client.post(URL, data=form)).json()["sid"]
    await settle(sandbox, clock)
    hits = gateway.named("/status")
    assert [fields(hit)["MessageStatus"] for hit in hits] == ["sent", "delivered"]
    for hit in hits:
        assert fields(hit)["MessageSid"] == sid
        assert hit.headers["x-twilio-signature"] == twilio_signature("token", url, fields(hit))
    assert sandbox.ledger.actions == {"sms_sent": 1, "sms_delivered": 1}


async def test_an_undeliverable_number_is_told_with_its_error_code(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    sandbox = await begin(**settings(gateway, overrides={PERSON: {"persona": "sms_undelivered"}}))
    async with client_of(sandbox) as client:
        form = {
            "To": PERSON,
            "From": NUMBER,
            "Body": "x",
            "StatusCallback": f"{gateway.url}/status",
        }
        created = (await client.post(URL, data=form)).json()
        await settle(sandbox, clock)
        message = (await client.get(created["uri"])).json()
    last = fields(gateway.named("/status")[-1])
    assert last["MessageStatus"] == message["status"] == "undelivered"
    assert int(last["ErrorCode"]) == message["error_code"] in (30003, 30005, 30006)


async def test_stop_is_posted_signed_and_then_honoured(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    sandbox = await begin(**settings(gateway, overrides={PERSON: {"persona": "texts_stop"}}))
    form = {"To": PERSON, "From": NUMBER, "Body": "Hello"}
    async with client_of(sandbox) as client:
        await client.post(URL, data=form)
        await settle(sandbox, clock)
        refused = await client.post(URL, data=form)
        other_sender = await client.post(URL, data={**form, "From": "+15550009999"})
    (hit,) = gateway.named("/inbound")
    text = fields(hit)
    assert text["Body"].strip().upper() == "STOP"
    assert (text["From"], text["To"]) == (PERSON, NUMBER)
    url = f"{gateway.url}/inbound?x=1"
    assert hit.headers["x-twilio-signature"] == twilio_signature("token", url, text)
    assert (refused.status_code, refused.json()["code"]) == (400, 21610)
    assert other_sender.status_code == 201


async def test_messages_are_listed_for_reconciliation(begin: Begin, clock: ClockFile) -> None:
    sandbox = await begin(**settings())
    async with client_of(sandbox) as client:
        for number in range(3):
            form = {"To": PERSON, "From": NUMBER, "Body": f"text {number}"}
            await client.post(URL, data=form)
        await client.post(URL, data={"To": "+4915112345678", "From": NUMBER, "Body": "other"})
        day = sandbox.clock.now().date().isoformat()
        unsent = await client.get(URL, params={"To": PERSON, "DateSent": day})
        await settle(sandbox, clock, days=1)
        first = await client.get(URL, params={"To": PERSON, "From": NUMBER, "PageSize": "2"})
        rest = await client.get(first.json()["next_page_uri"])
        later = await client.get(URL, params={"To": PERSON, "DateSent>": "2999-01-01"})
        since = await client.get(URL, params={"To": PERSON, "DateSent>": day})
    assert unsent.json()["messages"] == []
    assert [message["body"] for message in first.json()["messages"]] == ["text 2", "text 1"]
    assert [message["body"] for message in rest.json()["messages"]] == ["text 0"]
    assert rest.json()["next_page_uri"] is None
    assert later.json()["messages"] == []
    assert len(since.json()["messages"]) == 3


async def test_faults_strike_requests_in_their_order(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    form = {"To": PERSON, "From": NUMBER, "Body": "x"}
    sandbox.faults.http.status_500 = 1
    assert (await client.post(URL, data=form)).status_code == 500
    assert len(sandbox.ledger) == 0
    sandbox.faults.http.hang = 1
    with pytest.raises(httpx.ReadTimeout):
        await client.post(URL, data=form, timeout=httpx.Timeout(PATIENCE_SECONDS, read=0.3))
    assert len(sandbox.ledger) == 0
    sandbox.faults.http.drop_after_request = 1
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post(URL, data=form)
    assert sandbox.ledger.accepted == {"sms": 1}
    assert (await client.post(URL, data=form)).status_code == 201


def test_the_signature_is_that_of_a_published_example() -> None:
    # The request and result that Twilio's helper libraries in other languages test themselves with.
    form = {
        "CallSid": "CA1234567890ABCDE",
        "From": "+12349013030",
        "To": "+18005551212",
        "Caller": "+12349013030",
        "Digits": "1234",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert twilio_signature("12345", url, form) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ł" * 70, 1),
        ("ł" * 71, 2),
        ("👋" * 35, 1),
        ("👋" * 36, 2),
    ],
)
def test_segments_are_counted_as_carriers_do(body: str, segments: int) -> None:
    assert count_segments(body) == segments
