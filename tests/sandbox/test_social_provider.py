"""The social provider, request by request."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import pytest

from sandbox.ledger import Received
from sandbox.main import Sandbox
from sandbox.social_profiles import full_name, provider_id, public_identifier
from tests.sandbox.conftest import Begin
from tests.sandbox.world import ClockFile, Gateway, settle
from tests.support.eventually import PATIENCE_SECONDS

ACCOUNT = "acc-1"
PERSON = "zoe-martin-42"


def settings(
    gateway: Gateway | None = None, persona: str = "silent", **more: Any
) -> dict[str, Any]:
    social: dict[str, Any] = {
        "api_key": "key",
        "accounts": {ACCOUNT: "Anna Müller", "acc-2": "Ben Roy"},
        "webhook_headers": {"Unipile-Auth": "secret"},
        **more,
    }
    if gateway is not None:
        social["users_webhook_url"] = f"{gateway.url}/users"
        social["messaging_webhook_url"] = f"{gateway.url}/messages"
    return {"social": social, "overrides": {PERSON: {"persona": persona}}}


def client_of(sandbox: Sandbox) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{sandbox.ports['social']}/api/v1",
        headers={"X-API-KEY": "key"},
        timeout=PATIENCE_SECONDS,
        trust_env=False,
    )


async def invite(
    client: httpx.AsyncClient, person: str = PERSON, *, account: str = ACCOUNT, message: str = "Hi"
) -> httpx.Response:
    document = {"account_id": account, "provider_id": provider_id(person), "message": message}
    return await client.post("/users/invite", json=document)


async def write(
    client: httpx.AsyncClient, text: str = "Hello Zoé", *, inmail: bool = False, **more: str
) -> httpx.Response:
    fields = {"account_id": ACCOUNT, "text": text, "attendees_ids": provider_id(PERSON), **more}
    if inmail:
        inmail_fields = {
            "linkedin[api]": "classic",
            "linkedin[inmail]": "true",
            "subject": "An idea",
        }
        fields = {**inmail_fields, **fields}
    parts = [(name, (None, value)) for name, value in fields.items()]
    return await client.post("/chats", files=parts)


@pytest.fixture
async def sandbox(begin: Begin) -> Sandbox:
    return await begin(**settings())


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(sandbox) as client:
        yield client


def problem(answer: httpx.Response) -> tuple[int, str]:
    document = answer.json()
    assert set(document) == {"status", "type", "title"}
    assert document["status"] == answer.status_code
    return answer.status_code, document["type"]


async def test_a_profile_is_found_by_either_identifier(client: httpx.AsyncClient) -> None:
    by_name = await client.get(f"/users/{PERSON}", params={"account_id": ACCOUNT})
    profile = by_name.json()
    assert profile["public_identifier"] == PERSON
    assert (profile["first_name"], profile["last_name"]) == ("Zoe", "Martin")
    assert profile["network_distance"] == "SECOND_DEGREE"
    by_id = await client.get(f"/users/{profile['provider_id']}", params={"account_id": ACCOUNT})
    assert by_id.json() == profile


async def test_a_missing_profile_is_not_found_and_cannot_be_invited(begin: Begin) -> None:
    async with client_of(await begin(**settings(persona="profile_missing"))) as client:
        answer = await client.get(f"/users/{PERSON}", params={"account_id": ACCOUNT})
        assert problem(answer) == (404, "errors/resource_not_found")
        assert problem(await invite(client)) == (422, "errors/invalid_recipient")


async def test_keys_and_accounts_are_checked(client: httpx.AsyncClient) -> None:
    path = f"/users/{PERSON}"
    wrong = await client.get(path, headers={"X-API-KEY": "no"}, params={"account_id": ACCOUNT})
    assert problem(wrong) == (401, "errors/invalid_credentials")
    assert problem(await client.get(path)) == (400, "errors/invalid_parameters")
    unknown = await client.get(path, params={"account_id": "acc-9"})
    assert problem(unknown) == (404, "errors/resource_not_found")
    del client.headers["X-API-KEY"]
    assert problem(await client.get(path)) == (401, "errors/missing_credentials")


async def test_requests_that_make_no_sense_are_refused(client: httpx.AsyncClient) -> None:
    assert problem(await client.post("/users/invite", content=b"[")) == (
        400,
        "errors/invalid_parameters",
    )
    assert problem(await client.post("/chats", json={"text": "x"})) == (
        400,
        "errors/invalid_parameters",
    )
    assert problem(await client.get("/nothing")) == (404, "errors/resource_not_found")


async def test_an_invitation_is_sent_once(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    answer = await invite(client)
    assert answer.status_code == 201
    assert answer.json()["object"] == "UserInvitationSent"
    assert answer.json()["invitation_id"]
    assert problem(await invite(client)) == (422, "errors/already_invited_recently")
    assert (await invite(client, account="acc-2")).status_code == 201
    assert problem(await invite(client, "x-y", message="x" * 301)) == (
        400,
        "errors/too_many_characters",
    )
    assert (sandbox.ledger.accepted, sandbox.ledger.rejected) == ({"social": 2}, {"social": 2})


async def test_invitations_above_the_daily_limit_are_refused(
    begin: Begin, clock: ClockFile
) -> None:
    async with client_of(await begin(**settings(invitations_per_day=2))) as client:
        statuses = [(await invite(client, f"person-{n}")).status_code for n in range(2)]
        assert statuses == [201, 201]
        assert problem(await invite(client)) == (422, "errors/cannot_resend_yet")
        clock.jump(86_400_000_000)
        assert (await invite(client)).status_code == 201


async def test_an_accepted_invitation_is_told_and_opens_the_chat(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    sandbox = await begin(**settings(gateway, "accepts_invitation"))
    async with client_of(sandbox) as client:
        assert problem(await write(client)) == (422, "errors/no_connection_with_recipient")
        await invite(client)
        await settle(sandbox, clock)
        (hit,) = gateway.named("/users")
        assert hit.headers["unipile-auth"] == "secret"
        assert hit.headers["content-type"] == "application/json"
        assert json.loads(hit.body) == {
            "event": "new_relation",
            "account_id": ACCOUNT,
            "account_type": "LINKEDIN",
            "webhook_name": "cadenza",
            "user_full_name": "Zoe Martin",
            "user_provider_id": provider_id(PERSON),
            "user_public_identifier": PERSON,
            "user_profile_url": f"https://www.linkedin.com/in/{PERSON}/",
        }
        assert problem(await invite(client)) == (422, "errors/already_connected")
        profile = await client.get(f"/users/{PERSON}", params={"account_id": ACCOUNT})
        assert profile.json()["network_distance"] == "FIRST_DEGREE"
        answer = await write(client)
    assert answer.status_code == 201
    assert answer.json()["object"] == "ChatStarted"
    assert set(answer.json()) == {"object", "chat_id", "message_id"}


async def test_an_inmail_needs_no_connection_and_is_echoed_and_answered(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    sandbox = await begin(**settings(gateway, "answers_social"))
    async with client_of(sandbox) as client:
        chat = (await write(client, inmail=True)).json()
    await settle(sandbox, clock)
    echo, answer = (json.loads(hit.body) for hit in gateway.named("/messages"))
    assert echo["event"] == answer["event"] == "message_received"
    assert echo["chat_id"] == answer["chat_id"] == chat["chat_id"]
    assert (echo["message"], echo["message_id"]) == ("Hello Zoé", chat["message_id"])
    owner = echo["account_info"]["user_id"]
    assert echo["sender"]["attendee_provider_id"] == owner
    assert answer["sender"]["attendee_provider_id"] == provider_id(PERSON)
    assert answer["account_info"]["user_id"] == owner
    assert sandbox.ledger.actions == {"social_echoed": 1, "social_replied": 1}


async def test_an_inmail_has_a_subject_and_is_shorter_than_a_message(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    assert problem(await write(client, inmail=True, subject="")) == (
        400,
        "errors/invalid_parameters",
    )
    for wrong in ({"text": "x" * 1901}, {"subject": "x" * 201}):
        answer = await write(client, inmail=True, **wrong)
        assert problem(answer) == (400, "errors/too_many_characters")
    assert (await write(client, inmail=True)).status_code == 201
    notes = [row.note for row in sandbox.ledger.after(0, 10) if isinstance(row, Received)]
    assert notes == ["inmail"] * 4


async def test_a_visit_is_noted_when_its_owner_is_to_be_told(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    await client.get(f"/users/{PERSON}", params={"account_id": ACCOUNT})
    assert sandbox.ledger.accepted == {}
    for _ in range(2):
        look = {"account_id": ACCOUNT, "notify": "true"}
        assert (await client.get(f"/users/{PERSON}", params=look)).status_code == 200
    assert sandbox.ledger.accepted == {"social": 2}
    assert sandbox.ledger.duplicates == []


async def follow(client: httpx.AsyncClient, **changes: object) -> httpx.Response:
    document = {
        "account_id": ACCOUNT,
        "method": "POST",
        "request_url": "https://www.linkedin.com/voyager/api/feed/dash/followingStates/"
        f"urn:li:fsd_followingState:urn:li:fsd_profile:{provider_id(PERSON)}",
        "body": {"patch": {"$set": {"following": True}}},
        "encoding": False,
    }
    return await client.post("/linkedin", json={**document, **changes})


async def test_somebody_is_followed_by_what_is_passed_through(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    assert (await follow(client)).status_code == 200
    assert sandbox.ledger.accepted == {"social": 1}
    assert (await follow(client)).status_code == 200
    assert len(sandbox.ledger.duplicates) == 1
    wrong: Sequence[Mapping[str, Any]] = (
        {"method": "GET"},
        {"request_url": "https://www.linkedin.com/voyager/api/me"},
        {"body": {}},
    )
    for changes in wrong:
        assert problem(await follow(client, **changes)) == (400, "errors/invalid_parameters")
    assert problem(await follow(client, account_id="acc-9")) == (404, "errors/resource_not_found")


async def test_echoes_can_be_turned_off(begin: Begin, clock: ClockFile, gateway: Gateway) -> None:
    sandbox = await begin(**settings(gateway, echo_sent_messages=False))
    async with client_of(sandbox) as client:
        assert (await write(client, inmail=True)).status_code == 201
    await settle(sandbox, clock)
    assert gateway.hits == []


async def test_an_account_that_asks_too_fast_is_refused(begin: Begin) -> None:
    sandbox = await begin(**settings(requests_per_second=0.001))
    async with client_of(sandbox) as client:
        assert (await invite(client)).status_code == 201
        assert problem(await invite(client, "other-one")) == (429, "errors/too_many_requests")
        assert problem(await write(client, inmail=True)) == (429, "errors/too_many_requests")
        answer = await client.get(f"/users/{PERSON}", params={"account_id": ACCOUNT})
        assert problem(answer) == (429, "errors/too_many_requests")
    assert sandbox.ledger.rejected == {"social": 2}


@pytest.mark.parametrize("public_id", ["zoe-martin-42", "josé-ñandú", "x"])
def test_provider_ids_lead_back_to_the_public_id(public_id: str) -> None:
    assert public_identifier(provider_id(public_id)) == public_id


@pytest.mark.parametrize("identifier", ["zoe-martin", "ACoAA", "ACoAA!!!", "ACoAA_w"])
def test_other_identifiers_lead_nowhere(identifier: str) -> None:
    assert public_identifier(identifier) is None


def test_names_are_read_from_public_ids() -> None:
    assert full_name("zoe-martin-42") == "Zoe Martin"
    assert full_name("4711") == "4711"
