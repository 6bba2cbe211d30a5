"""A Twilio-compatible SMS provider: Programmable Messaging, REST API 2010-04-01.

https://www.twilio.com/docs/messaging/api/message-resource for the resource,
https://www.twilio.com/docs/usage/security#validating-requests for the signature.
"""

import base64
import hmac
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from sandbox.clock import ScheduleClock, to_datetime
from sandbox.http_client import WebClient
from sandbox.http_server import Request, Response, json_response
from sandbox.ledger import Ledger
from sandbox.mail_reader import content_digest
from sandbox.rate_limit import RateLimit
from sandbox.settings import SmsSettings
from sandbox.sms_message import API_VERSION, TextMessage
from sandbox.sms_segments import count_segments
from sandbox.webhooks import post_and_note

LONGEST_BODY = 1_600
LARGEST_PAGE = 1_000

_PATH = re.compile(r"^/2010-04-01/Accounts/(\w+)/Messages(?:/(\w+))?\.json$")
_E164 = re.compile(r"^\+[1-9]\d{6,14}$")
_OPT_OUT = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})

_ERRORS: dict[int, tuple[int, str]] = {
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    21211: (400, "Invalid 'To' Phone Number: {}"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21701: (400, "The Messaging Service does not exist"),
}


@dataclass(slots=True)
class _Account:
    token: str
    messages: dict[str, TextMessage] = field(default_factory=dict)
    by_to: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


class SmsProvider:
    """Takes messages over HTTP and tells their fate by webhooks."""

    def __init__(
        self, settings: SmsSettings, clock: ScheduleClock, ledger: Ledger, web: WebClient
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ledger = ledger
        self._web = web
        self._accounts = {sid: _Account(token) for sid, token in settings.accounts.items()}
        self._limit = RateLimit(settings.requests_per_second)
        self._opted_out: set[tuple[str, str]] = set()
        self.on_message: Callable[[TextMessage], None] = lambda _message: None
        """Called for every message that was taken."""

    # Requests

    def handle(self, request: Request) -> Response:
        """Answer one API request."""
        path = _PATH.match(request.path)
        account = self._authenticated(request, path[1]) if path else None
        if path is None:
            return _error(20404)
        if account is None:
            return _error(20003)
        allowed = self._limit.allows(path[1])
        if path[2] is None and request.method == "POST":
            return self._create(path[1], account, request.form, allowed=allowed)
        if not allowed:
            return _error(20429)
        if path[2] is None and request.method == "GET":
            return self._list(path[1], account, request.parameters)
        return self._fetch(account, path[2] or "")

    def _authenticated(self, request: Request, sid: str) -> _Account | None:
        account = self._accounts.get(sid)
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if account is None or scheme.lower() != "basic":
            return None
        expected = base64.b64encode(f"{sid}:{account.token}".encode())
        return account if hmac.compare_digest(expected, credentials.strip().encode()) else None

    def _create(
        self, sid: str, account: _Account, form: Mapping[str, str], *, allowed: bool
    ) -> Response:
        to, body = form.get("To", ""), form.get("Body", "")
        service = form.get("MessagingServiceSid") or None
        sender = self._sender(form.get("From", ""), service, to)
        code = self._refusal(to, sender, service, body) if allowed else 20429
        digest = content_digest(body)
        now_us = self._clock.now_us()
        message = TextMessage(
            sid="SM" + uuid.uuid4().hex,
            account_sid=sid,
            to=to,
            sender=sender,
            service_sid=service,
            body=body,
            digest=digest,
            callback=form.get("StatusCallback") or None,
            created_us=now_us,
            updated_us=now_us,
            status="queued" if service is None else "accepted",
            segments=count_segments(body),
        )
        self._ledger.received(
            "sms",
            account=sender or sid,
            sender=sender,
            to=to,
            key=message.sid if code is None else "",
            digest=digest,
            text_chars=len(body),
            size=len(body.encode("utf-8", "replace")),
            rejected=None if code is None else f"{_ERRORS[code][0]} {code}",
        )
        if code is not None:
            return _error(code, to)
        account.messages[message.sid] = message
        account.by_to[to].append(message.sid)
        answer = json_response(201, message.document())
        self.on_message(message)
        return answer

    def _fetch(self, account: _Account, sid: str) -> Response:
        message = account.messages.get(sid)
        return _error(20404) if message is None else json_response(200, message.document())

    def _sender(self, number: str, service: str | None, to: str) -> str:
        pool = self._settings.messaging_services.get(service or "", [])
        if number or not pool:
            return number
        return pool[sum(to.encode()) % len(pool)]  # the same sender for one person, always

    def _refusal(self, to: str, sender: str, service: str | None, body: str) -> int | None:
        if service is not None and service not in self._settings.messaging_services:
            return 21701
        if not _E164.match(to):
            return 21211
        if not sender:
            return 21603
        if not body:
            return 21602
        if len(body) > LONGEST_BODY:
            return 21617
        # One STOP counts for the whole pool of a Messaging Service.
        return 21610 if {(to, sender), (to, service)} & self._opted_out else None

    def _list(self, sid: str, account: _Account, query: Mapping[str, str]) -> Response:
        found = [
            message
            for message in self._candidates(account, query.get("To"))
            if query.get("From") in (None, message.sender) and _sent_in(message, query)
        ]
        found.reverse()  # newest first
        size = min(max(_number(query.get("PageSize"), 50), 1), LARGEST_PAGE)
        page = max(_number(query.get("Page"), 0), 0)
        shown = found[page * size : (page + 1) * size]
        uri = f"/{API_VERSION}/Accounts/{sid}/Messages.json"

        def address(number: int) -> str:
            return f"{uri}?{urlencode({**query, 'PageSize': size, 'Page': number})}"

        return json_response(
            200,
            {
                "messages": [message.document() for message in shown],
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(len(shown) - 1, 0),
                "uri": address(page),
                "first_page_uri": address(0),
                "previous_page_uri": address(page - 1) if page else None,
                "next_page_uri": address(page + 1) if len(found) > (page + 1) * size else None,
            },
        )

    def _candidates(self, account: _Account, to: str | None) -> list[TextMessage]:
        if to is None:
            return list(account.messages.values())
        return [account.messages[sid] for sid in account.by_to.get(to, [])]

    # Webhooks

    async def report(self, message: TextMessage, status: str, error_code: int | None) -> None:
        """Move the message to `status` and post the status callback, if one was asked for."""
        message.status = status
        message.error_code = error_code
        message.updated_us = self._clock.now_us()
        if status == "sent":
            message.sent_us = message.updated_us
        if message.callback is None:
            return
        form = {
            "SmsSid": message.sid,
            "SmsStatus": status,
            "MessageStatus": status,
            "To": message.to,
            "MessageSid": message.sid,
            "AccountSid": message.account_sid,
            "From": message.sender,
            "ApiVersion": API_VERSION,
        }
        if message.service_sid is not None:
            form["MessagingServiceSid"] = message.service_sid
        if error_code is not None:
            form["ErrorCode"] = str(error_code)
        if status in ("delivered", "undelivered"):
            form["RawDlrDoneDate"] = to_datetime(message.updated_us).strftime("%y%m%d%H%M")
        action = f"sms_{status}"
        await self._post(action, message, message.callback, form)

    async def text_back(self, message: TextMessage, body: str, *, action: str) -> None:
        """Post a text from the person who got `message`, and honour STOP as the provider does."""
        if body.strip().upper() in _OPT_OUT:
            self._opted_out.add((message.to, message.service_sid or message.sender))
        if self._settings.inbound_url is None:
            return
        sid = "SM" + uuid.uuid4().hex
        form = {
            "MessageSid": sid,
            "SmsSid": sid,
            "SmsMessageSid": sid,
            "AccountSid": message.account_sid,
            "From": message.to,
            "To": message.sender,
            "Body": body,
            "NumMedia": "0",
            "NumSegments": str(count_segments(body)),
            "SmsStatus": "received",
            "ApiVersion": API_VERSION,
        }
        if message.service_sid is not None:
            form["MessagingServiceSid"] = message.service_sid
        await self._post(action, message, self._settings.inbound_url, form)

    async def _post(
        self, action: str, message: TextMessage, url: str, form: Mapping[str, str]
    ) -> None:
        token = self._accounts[message.account_sid].token
        await post_and_note(
            self._web,
            self._ledger,
            action,
            person=message.to,
            key=message.sid,
            url=url,
            headers={
                "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
                "X-Twilio-Signature": twilio_signature(token, url, form),
                "User-Agent": "TwilioProxy/1.1",
                "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
            },
            body=urlencode(form).encode(),
        )


def twilio_signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """Return X-Twilio-Signature: HMAC-SHA1 of the URL and the sorted fields, in base64."""
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()


def _error(code: int, to: str = "") -> Response:
    status, message = _ERRORS[code]
    document = {
        "code": code,
        "message": message.format(to),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return json_response(status, document)


def _sent_in(message: TextMessage, query: Mapping[str, str]) -> bool:
    """Return whether the message fits DateSent, DateSent> and DateSent<, each a day in GMT."""
    if message.sent_us is None:
        return not any(name in query for name in ("DateSent", "DateSent>", "DateSent<"))
    day = to_datetime(message.sent_us).date().isoformat()
    return (
        day == query.get("DateSent", day)[:10]
        and day >= query.get("DateSent>", day)[:10]
        and day <= query.get("DateSent<", day)[:10]
    )


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() else default
