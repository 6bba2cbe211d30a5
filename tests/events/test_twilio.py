import pytest

from cadenza.errors import ConfigurationError, EventRejected, SignatureInvalid
from cadenza.model import AddressRef, Channel, EventType, MessageRef, TouchRef
from events.sources.twilio import TwilioSource, signature
from tests.events.samples import (
    MESSAGE_SID,
    TOUCH,
    twilio_request,
    twilio_status,
    twilio_text,
)
from tests.events.support import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    OTHER_ACCOUNT_SID,
    OTHER_AUTH_TOKEN,
    PUBLIC_URL,
    SIGNER,
    accounts,
    raw_request,
    settings,
    twilio_account,
)

SOURCE = TwilioSource(SIGNER, {ACCOUNT_SID: AUTH_TOKEN, OTHER_ACCOUNT_SID: OTHER_AUTH_TOKEN})

# https://www.twilio.com/docs/usage/security: URL, fields and result as published.
PUBLISHED_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
PUBLISHED_FIELDS = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]


def test_the_signature_is_the_one_that_twilio_publishes() -> None:
    expected = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert signature("12345", PUBLISHED_URL, PUBLISHED_FIELDS) == expected
    assert signature("12345", PUBLISHED_URL, PUBLISHED_FIELDS[::-1]) == expected


def test_repeated_fields_are_signed_once_for_each_value() -> None:
    once = signature("12345", "https://a/", [("A", "1"), ("A", "2"), ("B", "x")])
    assert (
        signature("12345", "https://a/", [("A", "2"), ("A", "1"), ("A", "2"), ("B", "x")]) == once
    )


def test_each_account_signs_with_its_own_token() -> None:
    path, form = "/webhooks/twilio/inbound", {"From": "+33612345678", "Body": "Hi"}
    other = {**form, "AccountSid": OTHER_ACCOUNT_SID}
    request = twilio_request(path, other, auth_token=OTHER_AUTH_TOKEN)
    assert len(SOURCE.receive(request).events) == 1
    for forged in (
        twilio_request(path, other, auth_token=AUTH_TOKEN),
        twilio_request(path, {**form, "AccountSid": "AC" + "c" * 32}),
        twilio_request(path, {**form, "AccountSid": ""}),
    ):
        with pytest.raises(SignatureInvalid):
            SOURCE.receive(forged)


def test_a_changed_field_breaks_the_signature() -> None:
    request = twilio_text("Hello")
    changed = raw_request(
        "POST", request.url, headers=request.headers, body=request.body.replace(b"Hello", b"Hullo")
    )
    with pytest.raises(SignatureInvalid):
        SOURCE.receive(changed)


def test_a_signature_for_another_path_is_worth_nothing_here() -> None:
    request = twilio_request(
        "/webhooks/twilio/inbound", {"Body": "Hi"}, url=PUBLIC_URL + "/webhooks/twilio/status/x"
    )
    with pytest.raises(SignatureInvalid):
        SOURCE.receive(request)


@pytest.mark.parametrize(
    ("public", "signed"),
    [
        (PUBLIC_URL, PUBLIC_URL + ":443"),
        ("http://go.example.com", "http://go.example.com:80"),
        (PUBLIC_URL + ":8443", PUBLIC_URL),
        (PUBLIC_URL + ":8443", PUBLIC_URL + ":8443"),
    ],
)
def test_the_port_may_be_signed_or_not(public: str, signed: str) -> None:
    path = "/webhooks/twilio/inbound"
    request = twilio_request(path, {"From": "+33612345678", "Body": "é"}, url=signed + path)
    moved = raw_request("POST", public + path, headers=request.headers, body=request.body)
    assert len(SOURCE.receive(moved).events) == 1


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("delivered", "", EventType.DELIVERED),
        ("undelivered", "30003", EventType.SOFT_BOUNCED),
        ("undelivered", "30004", EventType.SOFT_BOUNCED),
        ("undelivered", "30005", EventType.BOUNCED),
        ("undelivered", "30006", EventType.BOUNCED),
        ("undelivered", "30007", EventType.SOFT_BOUNCED),
        ("failed", "30008", EventType.SOFT_BOUNCED),
        ("failed", "", EventType.SOFT_BOUNCED),
        ("failed", "21211", EventType.BOUNCED),
        ("failed", "21614", EventType.BOUNCED),
        ("failed", "21610", EventType.UNSUBSCRIBED),
        ("failed", "x" * 1000, EventType.SOFT_BOUNCED),
    ],
)
def test_the_fate_of_a_message(status: str, code: str, expected: EventType) -> None:
    [event] = SOURCE.receive(twilio_status(status, ErrorCode=code)).events
    assert event.type is expected
    assert event.external_id == f"{MESSAGE_SID}.{status}"
    assert event.about == (
        TouchRef(touch_id=TOUCH),
        MessageRef(channel=Channel.SMS, provider_id=MESSAGE_SID),
    )
    assert event.data.get("code") == (code if code.isdigit() else None)


@pytest.mark.parametrize("status", ["accepted", "queued", "sending", "sent", "read", "", "x"])
def test_what_is_on_its_way_is_no_event(status: str) -> None:
    answer = SOURCE.receive(twilio_status(status))
    assert (answer.status, answer.events) == (204, ())


def test_a_token_of_a_retired_key_leaves_the_message_to_go_by() -> None:
    form = {"MessageStatus": "delivered"}
    request = twilio_request("/webhooks/twilio/status/x", form, path_params={"token": "a" * 28})
    [event] = SOURCE.receive(request).events
    assert event.about == (MessageRef(channel=Channel.SMS, provider_id=MESSAGE_SID),)


def test_a_text_is_a_reply_of_the_number_that_it_came_from() -> None:
    answer = SOURCE.receive(twilio_text("Oui, appelez-moi 🙂"))
    [event] = answer.events
    assert event.about == (AddressRef(channel=Channel.SMS, address="+33612345678"),)
    assert event.data == {"text": "Oui, appelez-moi 🙂", "from": "+33612345678"}
    assert answer.media_type.startswith("text/xml")
    assert answer.body.endswith(b"<Response/>")


def test_twilios_own_verdict_on_keywords_counts_first() -> None:
    def types(body: str, verdict: str) -> list[EventType]:
        return [e.type for e in SOURCE.receive(twilio_text(body, OptOutType=verdict)).events]

    assert types("Basta", "STOP") == [EventType.UNSUBSCRIBED]
    assert types("Yes", "START") == []
    assert types("?", "HELP") == []
    assert types("Yes", "") == [EventType.REPLIED]


@pytest.mark.parametrize("sender", ["", "12345", "TWILIO", "whatsapp:+33612345678", "+" + "9" * 40])
def test_who_is_no_phone_number_is_no_prospect(sender: str) -> None:
    assert SOURCE.receive(twilio_text("Hi", From=sender)).events == ()


def test_long_texts_are_cut_and_control_characters_dropped() -> None:
    [event] = SOURCE.receive(twilio_text("a\x00b" + "é" * 20_000)).events
    text = event.data["text"]
    assert text.startswith("abéé")
    assert len(text.encode()) <= 16 * 1024


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"&".join(b"a%d=1" % n for n in range(300)), b"", b"AccountSid"]
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(EventRejected):
        SOURCE.receive(raw_request("POST", "/webhooks/twilio/inbound", body=body))


@pytest.mark.parametrize("sid", ["", "x" * 65, "SM 1", "SM\n1"])
def test_a_request_without_a_proper_message_sid_is_refused(sid: str) -> None:
    with pytest.raises(EventRejected, match="MessageSid"):
        SOURCE.receive(twilio_text("Hi", MessageSid=sid))


def test_accounts_bring_their_tokens() -> None:
    assert isinstance(TwilioSource.from_settings(settings(), SIGNER, accounts()), TwilioSource)


def test_without_twilio_accounts_there_is_no_route() -> None:
    other = twilio_account("x", ACCOUNT_SID, AUTH_TOKEN).model_copy(update={"provider": "other"})
    without = accounts().model_copy(update={"accounts": [other]})
    assert TwilioSource.from_settings(settings(), SIGNER, without) is None


@pytest.mark.parametrize(("sid", "token"), [(None, AUTH_TOKEN), (ACCOUNT_SID, None)])
def test_half_an_account_stops_at_boot(sid: str | None, token: str | None) -> None:
    half = accounts().model_copy(update={"accounts": [twilio_account("half", sid, token)]})
    with pytest.raises(ConfigurationError, match=r"account 'half'.*add both"):
        TwilioSource.from_settings(settings(), SIGNER, half)
