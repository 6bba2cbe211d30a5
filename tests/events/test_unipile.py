from typing import Any

import pytest

from cadenza.errors import EventRejected, SignatureInvalid
from cadenza.model import AddressRef, Channel, MessageRef
from events.sources.unipile import UnipileSource
from tests.events.samples import MESSAGE, RELATION, unipile_request
from tests.events.support import SIGNER, UNIPILE_SECRET, accounts, raw_request, settings

SOURCE = UnipileSource(UNIPILE_SECRET)
JANE = "ACoAAAcDMMQBODyLwZrRcgYhrkCafURGqva0U4E"


def _person(address: str) -> AddressRef:
    return AddressRef(channel=Channel.SOCIAL, address=address)


def test_an_accepted_invitation_names_the_person_by_public_identifier_first() -> None:
    [event] = SOURCE.receive(unipile_request(RELATION)).events
    assert event.about == (_person("jane-doe-123"), _person(JANE))
    assert event.external_id == "relation.dfXlh46vQYCsMbVarumWlg.jane-doe-123"


def test_the_profile_url_stands_in_for_a_missing_identifier() -> None:
    document = {
        "event": "new_relation",
        "user_profile_url": "https://www.linkedin.com/in/Ren%C3%A9-d/",
    }
    [event] = SOURCE.receive(unipile_request(document)).events
    assert event.about == (_person("rené-d"),)


def test_a_message_of_the_other_side_is_a_reply_in_its_chat() -> None:
    [event] = SOURCE.receive(unipile_request(MESSAGE)).events
    assert event.about == (
        MessageRef(channel=Channel.SOCIAL, provider_id="R8J-xM9WX7eoHLp6gSVtWQ"),
        _person(JANE),
    )
    assert event.data == {"text": "Hello! Let’s talk.", "from": "Jane Doe"}
    assert event.external_id == "message.ykmhfXlRW0W_cqReJYrfBw"


@pytest.mark.parametrize(
    "changes",
    [
        {"is_sender": True},
        {"account_info": {"user_id": JANE}},
    ],
)
def test_what_the_account_itself_sent_is_no_reply(changes: dict[str, Any]) -> None:
    assert SOURCE.receive(unipile_request({**MESSAGE, **changes})).events == ()


def test_where_it_cannot_be_told_who_wrote_the_chat_does_not_count() -> None:
    document = {**MESSAGE, "account_info": {}}
    [event] = SOURCE.receive(unipile_request(document)).events
    assert event.about == (_person(JANE),)


@pytest.mark.parametrize("event", ["message_read", "message_reaction", "creation_success", None, 7])
def test_other_events_are_acknowledged_and_ignored(event: object) -> None:
    answer = SOURCE.receive(unipile_request({**MESSAGE, "event": event}))
    assert (answer.status, answer.events) == (200, ())


@pytest.mark.parametrize("secret", ["", "wrong", UNIPILE_SECRET + " ", UNIPILE_SECRET[:-1], "é"])
def test_without_the_secret_nothing_is_read(secret: str) -> None:
    with pytest.raises(SignatureInvalid):
        SOURCE.receive(unipile_request(MESSAGE, secret=secret))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"null", b"\xff", b"[" * 60_000, b'{"event": "new_relation"}'],
)
def test_what_is_not_understood_is_refused(body: bytes) -> None:
    request = raw_request(
        "POST", "/webhooks/unipile", headers={"unipile-auth": UNIPILE_SECRET}, body=body
    )
    with pytest.raises(EventRejected):
        SOURCE.receive(request)


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": None},
        {"sender": "Jane"},
        {"message_id": None},
        {"message_id": ""},
        {"message_id": ["x"]},
        {"chat_id": "a b", "sender": {"attendee_provider_id": {"a": 1}}},
        {"chat_id": None, "sender": {"attendee_profile_url": "http://[::1/in/x"}},
    ],
)
def test_half_a_message_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(EventRejected):
        SOURCE.receive(unipile_request({**MESSAGE, **changes}))


def test_odd_texts_are_made_storable() -> None:
    document = {**MESSAGE, "message": "a\x00b\ud800" + "é" * 20_000}
    sender = {**MESSAGE["sender"], "attendee_name": "Jane\r\nDoe"}  # type: ignore[dict-item]
    [event] = SOURCE.receive(unipile_request({**document, "sender": sender})).events
    assert event.data["text"].startswith("abéé")
    assert len(event.data["text"].encode()) <= 16 * 1024
    assert event.data["from"] == "Jane Doe"


@pytest.mark.parametrize("secret", [None, ""], ids=["unset", "empty"])
def test_without_a_secret_there_is_no_route(secret: str | None) -> None:
    unset = settings(unipile_webhook_secret=secret)
    assert UnipileSource.from_settings(unset, SIGNER, accounts()) is None
