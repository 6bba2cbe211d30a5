"""For each event source: authentic requests that yield events. A new source adds itself here."""

import json
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from cadenza.model import EventType, RawRequest, TouchId
from events.sources.twilio import signature
from tests.events.support import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    LINKS,
    PUBLIC_URL,
    SIGNER,
    UNIPILE_SECRET,
    raw_request,
)

TOUCH = TouchId(90210)
TARGET = "https://example.com/pricing?plan=é&from=mail"
MESSAGE_SID = "SM" + "1" * 32

Sample = tuple[RawRequest, Sequence[EventType]]


def open_pixel() -> Sequence[Sample]:
    token = SIGNER.token("open", TOUCH)
    request = raw_request("GET", f"/o/{token}.gif", path_params={"token": token})
    return [(request, [EventType.OPENED])]


def click(target: str = TARGET) -> Sequence[Sample]:
    token = SIGNER.token("click", TOUCH, target)
    request = raw_request("GET", LINKS.click(TOUCH, target), path_params={"token": token})
    return [(request, [EventType.CLICKED])]


def unsubscribe() -> Sequence[Sample]:
    token = SIGNER.token("unsubscribe", TOUCH)
    request = raw_request(
        "POST",
        f"/u/{token}",
        path_params={"token": token},
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=b"List-Unsubscribe=One-Click",
    )
    return [(request, [EventType.UNSUBSCRIBED])]


def twilio() -> Sequence[Sample]:
    token = SIGNER.token("sms", TOUCH)
    return [
        (twilio_status("delivered"), [EventType.DELIVERED]),
        (twilio_status("undelivered", ErrorCode="30005"), [EventType.BOUNCED]),
        (twilio_status("failed", ErrorCode="30008"), [EventType.SOFT_BOUNCED]),
        (twilio_status("sent"), []),
        (twilio_text("Sounds good, call me"), [EventType.REPLIED]),
        (twilio_text("Stop"), [EventType.UNSUBSCRIBED]),
        (twilio_text("Please do not text me again"), [EventType.UNSUBSCRIBED, EventType.REPLIED]),
        (twilio_text("HELP"), []),
        (twilio_request(f"/webhooks/twilio/status/{token}", {"MessageStatus": "sent"}), []),
    ]


def twilio_status(status: str, **more: str) -> RawRequest:
    """A status callback about the touch."""
    token = SIGNER.token("sms", TOUCH)
    form = {"MessageStatus": status, "To": "+33612345678", "From": "+12025550100", **more}
    return twilio_request(f"/webhooks/twilio/status/{token}", form, path_params={"token": token})


def twilio_text(body: str, **more: str) -> RawRequest:
    """A text from a person."""
    form = {"From": "+33612345678", "To": "+12025550100", "Body": body, "NumMedia": "0", **more}
    return twilio_request("/webhooks/twilio/inbound", form)


def twilio_request(
    path: str,
    form: Mapping[str, str],
    *,
    path_params: Mapping[str, str] | None = None,
    auth_token: str = AUTH_TOKEN,
    url: str | None = None,
) -> RawRequest:
    """A request as Twilio signs it. url: what it signs, if not the public URL."""
    whole = {"AccountSid": ACCOUNT_SID, "MessageSid": MESSAGE_SID, **form}
    signed = signature(auth_token, url or PUBLIC_URL + path, list(whole.items()))
    return raw_request(
        "POST",
        path,
        path_params=path_params,
        headers={
            "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
            "x-twilio-signature": signed,
        },
        body=urlencode(whole).encode(),
    )


def unipile() -> Sequence[Sample]:
    return [
        (unipile_request(RELATION), [EventType.CONNECTION_ACCEPTED]),
        (unipile_request(MESSAGE), [EventType.REPLIED]),
        (unipile_request({**MESSAGE, "event": "message_read"}), []),
    ]


RELATION = {
    "event": "new_relation",
    "account_id": "dfXlh46vQYCsMbVarumWlg",
    "account_type": "LINKEDIN",
    "webhook_name": "relations",
    "user_full_name": "Jane Doe",
    "user_provider_id": "ACoAAAcDMMQBODyLwZrRcgYhrkCafURGqva0U4E",
    "user_public_identifier": "Jane-Doe-123",
    "user_profile_url": "https://www.linkedin.com/in/jane-doe-123/",
}

MESSAGE = {
    "event": "message_received",
    "account_id": "dfXlh46vQYCsMbVarumWlg",
    "account_type": "LINKEDIN",
    "account_info": {"type": "LINKEDIN", "feature": "classic", "user_id": "ACoAAOurOwnProfile"},
    "webhook_name": "messages",
    "chat_id": "R8J-xM9WX7eoHLp6gSVtWQ",
    "timestamp": "2026-03-03T10:00:00.000Z",
    "message_id": "ykmhfXlRW0W_cqReJYrfBw",
    "message": "Hello! Let’s talk.",
    "sender": {
        "attendee_id": "C8zaRZTlVcmfnke_Vai4Gg",
        "attendee_name": "Jane Doe",
        "attendee_provider_id": "ACoAAAcDMMQBODyLwZrRcgYhrkCafURGqva0U4E",
        "attendee_profile_url": "https://www.linkedin.com/in/ACoAAAcDMMQBODyLwZrRcgYhrkCafURGqva0U4E/",
    },
    "attendees": [],
}


def unipile_request(document: Mapping[str, object], secret: str = UNIPILE_SECRET) -> RawRequest:
    """A webhook of Unipile."""
    return raw_request(
        "POST",
        "/webhooks/unipile",
        headers={"content-type": "application/json", "unipile-auth": secret},
        body=json.dumps(document).encode(),
    )


SAMPLES: Mapping[str, Callable[[], Sequence[Sample]]] = {
    "open_pixel": open_pixel,
    "click": click,
    "unsubscribe": unsubscribe,
    "twilio": twilio,
    "unipile": unipile,
}
