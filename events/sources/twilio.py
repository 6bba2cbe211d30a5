"""SMS by Twilio: what became of messages, and what people text back.

https://www.twilio.com/docs/usage/webhooks/messaging-webhooks for the parameters,
https://www.twilio.com/docs/usage/security#validating-requests for the signature.
"""

import base64
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from cadenza.abc import EventSource
from cadenza.accounts import Accounts
from cadenza.errors import ConfigurationError, EventRejected, InvalidToken, SignatureInvalid
from cadenza.links import LinkSigner
from cadenza.model import (
    AddressRef,
    Answer,
    Channel,
    Event,
    EventType,
    MessageRef,
    RawRequest,
    Reference,
    Route,
    TouchRef,
)
from cadenza.settings import Settings
from events.optout import Keyword, asks_to_stop, keyword
from events.text import storable_text

_STATUS_PATH = "/webhooks/twilio/status/{token}"
_INBOUND_PATH = "/webhooks/twilio/inbound"
_MAX_FIELDS = 200
_SID = re.compile(r"[A-Za-z0-9]{2,64}")
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_ERROR_CODE = re.compile(r"\d{1,6}")

# https://www.twilio.com/docs/api/errors. The number itself is at fault: it will never work.
_HARD_CODES = frozenset(
    {
        "21211",  # invalid number
        "21217",  # does not appear to be valid
        "21614",  # not a mobile number
        "30005",  # unknown destination handset: inactive or not in service
        "30006",  # landline or unreachable carrier
    }
)
_UNSUBSCRIBED_CODE = "21610"  # the recipient texted STOP to this sender before
# All others are the phone's, the carrier's or our own passing trouble: 30003 switched off or out
# of reach, 30004 blocked, 30007 filtered, 30008 unknown, 30001 queue overflow, 30002 suspended …
_FAILED = ("undelivered", "failed")

_EMPTY_TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
_OPT_OUT_TYPES = {"STOP": Keyword.STOP, "START": Keyword.START, "HELP": Keyword.HELP}


class TwilioSource(EventSource):
    """Status callbacks → DELIVERED, BOUNCED, SOFT_BOUNCED; inbound texts → REPLIED, UNSUBSCRIBED.

    auth_tokens: account SID → auth token. A request is authentic if its
    signature was made with the token of the account that it names.
    """

    name = "twilio"

    def __init__(self, signer: LinkSigner, auth_tokens: Mapping[str, str]) -> None:
        self._signer = signer
        self._auth_tokens = dict(auth_tokens)

    @classmethod
    def from_settings(
        cls, settings: Settings, signer: LinkSigner, accounts: Accounts
    ) -> Self | None:
        del settings
        tokens: dict[str, str] = {}
        for account in accounts.accounts:
            if account.channel != Channel.SMS or account.provider != cls.name:
                continue
            sid, token = account.settings.get("account_sid"), account.secrets.get("auth_token")
            if not isinstance(sid, str) or token is None:
                raise ConfigurationError(
                    f"account {account.id!r}: Twilio's webhooks are verified with "
                    "`settings.account_sid` and `secrets.auth_token`: add both"
                )
            tokens[sid] = token.get_secret_value()
        return cls(signer, tokens) if tokens else None

    @property
    def routes(self) -> Sequence[Route]:
        return (
            Route(method="POST", path=_STATUS_PATH),
            Route(method="POST", path=_INBOUND_PATH),
        )

    def receive(self, request: RawRequest) -> Answer:
        form = self._verified(request)
        sid = form.get("MessageSid") or form.get("SmsSid") or ""
        if not _SID.fullmatch(sid):
            raise EventRejected("MessageSid is missing or malformed")
        token = request.path_params.get("token")
        if token is not None:
            return Answer(events=self._status(request, form, sid, token), status=204)
        return Answer(
            events=self._inbound(request, form, sid),
            media_type="text/xml; charset=utf-8",
            body=_EMPTY_TWIML,
        )

    def _verified(self, request: RawRequest) -> Mapping[str, str]:
        try:
            pairs = parse_qsl(
                request.body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS
            )
        except ValueError as error:
            raise EventRejected("the body is not a form") from error
        form = dict(reversed(pairs))  # of repeated fields the first counts
        auth_token = self._auth_tokens.get(form.get("AccountSid", ""))
        given = request.headers.get("x-twilio-signature", "").encode("utf-8", "replace")
        if auth_token is None:
            raise SignatureInvalid
        matches = [
            hmac.compare_digest(given, signature(auth_token, url, pairs).encode())
            for url in _url_variants(request.url)
        ]
        if not any(matches):
            raise SignatureInvalid
        return form

    def _status(
        self, request: RawRequest, form: Mapping[str, str], sid: str, token: str
    ) -> Sequence[Event]:
        status = form.get("MessageStatus") or form.get("SmsStatus") or ""
        code = form.get("ErrorCode", "")
        kind = _outcome(status, code)
        if kind is None:
            return ()
        by_sid = MessageRef(channel=Channel.SMS, provider_id=sid)
        about: tuple[Reference, ...] = (by_sid,)
        # A wrong token under a right signature was ours once: its key has been retired since.
        with suppress(InvalidToken):
            about = (TouchRef(touch_id=self._signer.read("sms", token)), by_sid)
        data: dict[str, Any] = {"status": status}
        if _ERROR_CODE.fullmatch(code):
            data["code"] = code
        if kind is EventType.UNSUBSCRIBED:
            data |= {"channel": Channel.SMS.value, "how": "provider"}
        return (
            Event(
                source=self.name,
                external_id=f"{sid}.{status}",
                type=kind,
                occurred_at=request.received_at,
                about=about,
                data=data,
            ),
        )

    def _inbound(self, request: RawRequest, form: Mapping[str, str], sid: str) -> Sequence[Event]:
        sender = form.get("From", "")
        if not _E164.fullmatch(sender):
            return ()  # a short code or a name: no prospect of ours
        text = storable_text(form.get("Body", ""))
        asked = _OPT_OUT_TYPES.get(form.get("OptOutType", "").upper()) or keyword(text)
        kinds: Sequence[EventType] = (EventType.REPLIED,)
        if asked is Keyword.STOP:
            kinds = (EventType.UNSUBSCRIBED,)
        elif asked is not None:
            kinds = ()  # START and HELP are for Twilio, which has answered them
        elif asks_to_stop(text):
            kinds = (EventType.UNSUBSCRIBED, EventType.REPLIED)
        data = {
            EventType.UNSUBSCRIBED: {"channel": Channel.SMS.value, "how": "text"},
            EventType.REPLIED: {"text": text, "from": sender},
        }
        return tuple(
            Event(
                source=self.name,
                external_id=f"{sid}.{kind}",
                type=kind,
                occurred_at=request.received_at,
                about=(AddressRef(channel=Channel.SMS, address=sender),),
                data=data[kind],
            )
            for kind in kinds
        )


def signature(auth_token: str, url: str, pairs: Sequence[tuple[str, str]]) -> str:
    """X-Twilio-Signature: HMAC-SHA1 over the URL and the sorted form fields, in base64.

    Of a repeated field each value counts once, in order, as Twilio's own libraries have it.
    """
    signed = url + "".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.digest(auth_token.encode(), signed.encode(), "sha1")).decode()


def _url_variants(url: str) -> Iterator[str]:
    """Twilio leaves the port out of what it signs, or puts it in, depending on the product."""
    yield url
    parts = urlsplit(url)
    host, _, port = parts.netloc.rpartition(":")
    if port.isdigit() and host:
        yield parts._replace(netloc=host).geturl()
    else:
        default = "443" if parts.scheme == "https" else "80"
        yield parts._replace(netloc=f"{parts.netloc}:{default}").geturl()


def _outcome(status: str, code: str) -> EventType | None:
    if status == "delivered":
        return EventType.DELIVERED
    if status not in _FAILED:
        return None  # accepted, queued, sending, sent: still on its way
    if code == _UNSUBSCRIBED_CODE:
        return EventType.UNSUBSCRIBED
    return EventType.BOUNCED if code in _HARD_CODES else EventType.SOFT_BOUNCED
