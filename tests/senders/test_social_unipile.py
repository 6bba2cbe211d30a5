"""Unipile's answers and what is known of an invitation or message after each."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

import senders.social_unipile
from cadenza.errors import (
    AmbiguousSendError,
    ConfigurationError,
    PermanentSendError,
    SendError,
    TransientSendError,
)
from senders.social_unipile import UnipileSender
from tests.senders.fake_http import FakeUnipile, Response
from tests.senders.servers import Fault

# What answers mean does not depend on the loop; the contract is tested on both.
one_loop = pytest.mark.asyncio(loop_factories=["uvloop"])


@pytest_asyncio.fixture
async def unipile() -> AsyncIterator[FakeUnipile]:
    async with FakeUnipile() as fake:
        yield fake


@pytest_asyncio.fixture
async def sender(unipile: FakeUnipile) -> AsyncIterator[UnipileSender]:
    made = UnipileSender.for_account(unipile.account())
    await made.open()
    yield made
    await made.close()


async def begin() -> None:
    pass


async def unwanted_begin() -> None:
    pytest.fail("nothing may begin here")


def problem(status: int, kind: str, detail: str = "") -> Response:
    document = {"status": status, "type": kind, "title": "", "detail": detail}
    return Response(status=status, document=document)


async def test_an_invitation_names_the_person_by_the_networks_id(
    unipile: FakeUnipile, sender: UnipileSender
) -> None:
    accepted = await sender.send(unipile.touch(1), begin)
    assert accepted.provider_id == "i1"
    assert [(r.method, r.path) for r in unipile.requests] == [
        ("GET", "/api/v1/users/elodie-dupont"),
        ("POST", "/api/v1/users/invite"),
    ]
    assert json.loads(unipile.requests[1].body) == {
        "account_id": "uni-account-1",
        "provider_id": "ACoAA-elodie",
        "message": "Bonjour Élodie, touch-1",
    }


async def test_an_invitation_without_a_note_has_none(
    unipile: FakeUnipile, sender: UnipileSender
) -> None:
    touch = unipile.touch(1)
    await sender.send(type(touch)(**{**vars(touch), "text": ""}), begin)
    assert "message" not in json.loads(unipile.requests[1].body)


async def test_a_message_starts_a_chat_by_which_answers_refer_to_it(
    unipile: FakeUnipile, sender: UnipileSender
) -> None:
    accepted = await sender.send(unipile.touch(1, action="message"), begin)
    assert (accepted.provider_id, accepted.thread_id) == ("m1", "c1")
    assert unipile.requests[1].path == "/api/v1/chats"
    assert unipile.form() == {
        "account_id": "uni-account-1",
        "attendees_ids": "ACoAA-elodie",
        "text": "Bonjour Élodie, touch-1",
    }


async def test_an_inmail_has_a_subject_and_says_what_it_is(
    unipile: FakeUnipile, sender: UnipileSender
) -> None:
    accepted = await sender.send(unipile.touch(1, action="inmail"), begin)
    assert (accepted.provider_id, accepted.thread_id) == ("m1", "c1")
    assert unipile.form() == {
        "account_id": "uni-account-1",
        "attendees_ids": "ACoAA-elodie",
        "text": "Bonjour Élodie, touch-1",
        "subject": "Une idée",
        "linkedin[api]": "classic",
        "linkedin[inmail]": "true",
    }


async def test_following_is_passed_through_to_the_network(
    unipile: FakeUnipile, sender: UnipileSender
) -> None:
    accepted = await sender.send(unipile.touch(1, action="follow"), begin)
    assert accepted.provider_id == "touch-1"
    request = unipile.requests[1]
    assert (request.method, request.path) == ("POST", "/api/v1/linkedin")
    assert request.headers["x-request-id"] == "touch-1"
    assert json.loads(request.body) == {
        "account_id": "uni-account-1",
        "method": "POST",
        "request_url": "https://www.linkedin.com/voyager/api/feed/dash/followingStates/"
        "urn:li:fsd_followingState:urn:li:fsd_profile:ACoAA-elodie",
        "body": {"patch": {"$set": {"following": True}}},
        "encoding": False,
    }


async def test_a_visit_is_one_that_its_owner_is_told_of(
    unipile: FakeUnipile, sender: UnipileSender
) -> None:
    accepted = await sender.send(unipile.touch(1, action="view"), begin)
    assert accepted.provider_id == "touch-1"
    look_up, visit = unipile.requests
    assert "notify" not in look_up.query
    assert (visit.method, visit.path) == ("GET", "/api/v1/users/ACoAA-elodie")
    assert visit.query == {"account_id": ["uni-account-1"], "notify": ["true"]}


@one_loop
async def test_a_visit_begins_and_can_be_of_unknown_fate(
    unipile: FakeUnipile, sender: UnipileSender
) -> None:
    await sender.send(unipile.touch(1), begin)
    unipile.fault = Fault.HANGS_UP
    with pytest.raises(AmbiguousSendError):
        await sender.send(unipile.touch(2, action="view"), begin)


async def test_ids_that_unipile_leaves_out_are_replaced(
    unipile: FakeUnipile, sender: UnipileSender
) -> None:
    await sender.send(unipile.touch(1), begin)
    unipile.script = [Response(status=201, document={"chat_id": None, "message_id": None})]
    accepted = await sender.send(unipile.touch(2, action="message"), begin)
    assert accepted.provider_id == "touch-2"


async def test_a_person_is_looked_up_once(unipile: FakeUnipile, sender: UnipileSender) -> None:
    for number in range(3):
        await sender.send(unipile.touch(number), begin)
    assert [r.method for r in unipile.requests].count("GET") == 1


async def test_only_so_many_people_are_remembered(
    unipile: FakeUnipile, sender: UnipileSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders.social_unipile, "_REMEMBERED_PEOPLE", 2)
    touch = unipile.touch(1)
    for person in ("a", "b", "a", "c", "a", "b"):
        await sender.send(type(touch)(**{**vars(touch), "recipient": person}), begin)
    looked_up = [r.path.rpartition("/")[2] for r in unipile.requests if r.method == "GET"]
    assert looked_up == ["a", "b", "c", "b"]


async def test_an_identifier_cannot_lead_elsewhere(
    unipile: FakeUnipile, sender: UnipileSender
) -> None:
    touch = unipile.touch(1)
    wicked = type(touch)(**{**vars(touch), "recipient": "../accounts?x=1&y#é"})
    await sender.send(wicked, begin)
    assert unipile.requests[0].path == "/api/v1/users/../accounts?x=1&y#é"  # decoded again
    assert set(unipile.requests[0].query) == {"account_id"}


@one_loop
@pytest.mark.parametrize("identifier", ["", "x" * 301])
async def test_an_impossible_identifier_is_not_asked_for(
    unipile: FakeUnipile, sender: UnipileSender, identifier: str
) -> None:
    touch = unipile.touch(1)
    with pytest.raises(PermanentSendError) as caught:
        await sender.send(type(touch)(**{**vars(touch), "recipient": identifier}), begin)
    assert caught.value.recipient_invalid
    assert unipile.requests == []


LOOK_UPS: list[tuple[Response, type[SendError], bool]] = [
    (problem(404, "errors/resource_not_found"), PermanentSendError, True),
    (problem(422, "errors/invalid_recipient"), PermanentSendError, True),
    (problem(404, "errors/resource_not_found", "Account not found"), TransientSendError, False),
    (problem(401, "errors/missing_credentials"), TransientSendError, False),
    (problem(429, "errors/too_many_requests"), TransientSendError, False),
    (problem(500, "errors/unexpected_error"), TransientSendError, False),
    (problem(504, "errors/request_timeout"), TransientSendError, False),
    (Response(status=404, document=b"<html>"), TransientSendError, False),
    (Response(status=200, document={"provider_id": 7}), TransientSendError, False),
    (Response(status=200, document=b"{"), TransientSendError, False),
]


@one_loop
@pytest.mark.parametrize(("response", "kind", "invalid"), LOOK_UPS)
async def test_a_failed_look_up_is_never_ambiguous(
    unipile: FakeUnipile,
    sender: UnipileSender,
    response: Response,
    kind: type[SendError],
    invalid: bool,
) -> None:
    unipile.script = [response]
    with pytest.raises(SendError) as caught:
        await sender.send(unipile.touch(1), unwanted_begin)
    assert type(caught.value) is kind
    assert getattr(caught.value, "recipient_invalid", False) is invalid
    await sender.send(unipile.touch(2), begin)
    assert unipile.received == ["touch-2"]


async def test_a_look_up_that_hangs_is_transient(unipile: FakeUnipile) -> None:
    sender = UnipileSender.for_account(unipile.account(timeout_seconds=0.2))
    await sender.open()
    unipile.drips = True
    unipile.script = [Response(status=200, document=b"", headers={"Transfer-Encoding": "chunked"})]
    with pytest.raises(TransientSendError):
        await sender.send(unipile.touch(1), unwanted_begin)
    unipile.drips = False
    await sender.close()


HOUR = timedelta(hours=1)
ANSWERS: list[tuple[int, str, type[SendError], bool]] = [
    (422, "already_invited_recently", PermanentSendError, False),
    (422, "already_connected", PermanentSendError, False),
    (422, "no_connection_with_recipient", PermanentSendError, False),
    (422, "blocked_recipient", PermanentSendError, False),
    (422, "invalid_recipient", PermanentSendError, True),
    (400, "too_many_characters", PermanentSendError, False),
    (422, "cannot_resend_yet", TransientSendError, False),
    (422, "limit_exceeded", TransientSendError, False),
    (429, "too_many_requests", TransientSendError, False),
    (422, "provider_unreachable", TransientSendError, False),
    (401, "disconnected_account", TransientSendError, False),
    (403, "account_restricted", TransientSendError, False),
    (422, "invalid_account", TransientSendError, False),
    (501, "feature_not_implemented", TransientSendError, False),
    (503, "service_unavailable", TransientSendError, False),
    (503, "", AmbiguousSendError, False),
    (500, "unexpected_error", AmbiguousSendError, False),
    (500, "provider_error", AmbiguousSendError, False),
    (504, "request_timeout", AmbiguousSendError, False),
    (422, "elodie-dupont is blocked", PermanentSendError, False),
]


@one_loop
@pytest.mark.parametrize(("status", "kind", "error", "invalid"), ANSWERS)
async def test_a_problem_is_known_by_its_type(
    unipile: FakeUnipile,
    sender: UnipileSender,
    status: int,
    kind: str,
    error: type[SendError],
    invalid: bool,
) -> None:
    await sender.send(unipile.touch(1), begin)
    unipile.script = [problem(status, f"errors/{kind}" if kind else "")]
    with pytest.raises(SendError) as caught:
        await sender.send(unipile.touch(2), begin)
    assert type(caught.value) is error
    assert caught.value.code == (kind if " " not in kind and kind else str(status))
    assert getattr(caught.value, "recipient_invalid", False) is invalid


async def test_a_throttled_profile_waits_for_a_day(
    unipile: FakeUnipile, sender: UnipileSender
) -> None:
    await sender.send(unipile.touch(1), begin)
    unipile.script = [problem(422, "errors/cannot_resend_yet")]
    with pytest.raises(TransientSendError) as caught:
        await sender.send(unipile.touch(2), begin)
    assert caught.value.retry_after == timedelta(days=1)


async def test_an_unknown_action_is_refused(unipile: FakeUnipile, sender: UnipileSender) -> None:
    with pytest.raises(PermanentSendError, match="use connect, message, inmail, follow, view"):
        await sender.send(unipile.touch(1, action="poke"), unwanted_begin)
    assert unipile.requests == []


def test_each_profile_has_its_own_route_and_keys_do_not_show() -> None:
    account = FakeUnipile().account()
    other = account.model_copy(update={"address": "uni-account-2"})
    assert UnipileSender.route(account) != UnipileSender.route(other)
    assert "s3cret" not in UnipileSender.route(account)


def test_the_workspace_address_is_needed() -> None:
    account = FakeUnipile().account()
    bare = account.model_copy(update={"settings": {}})
    with pytest.raises(ConfigurationError, match=r"settings\.api_base: Field required"):
        UnipileSender.for_account(bare)
