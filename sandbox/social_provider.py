"""A Unipile-compatible social provider: profiles, invitations, chats and InMails on LinkedIn.

https://developer.unipile.com/reference describes requests and errors. `social_webhooks` tells the
rest.
"""

import hmac
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.behaviour import Behaviour
from sandbox.clock import ScheduleClock
from sandbox.http_forms import form_fields
from sandbox.http_server import Request, Response, json_response
from sandbox.ledger import Ledger
from sandbox.mail_reader import content_digest
from sandbox.rate_limit import RateLimit
from sandbox.settings import SocialSettings
from sandbox.social_profiles import full_name, provider_id, public_identifier

LONGEST_NOTE = 300
LONGEST_MESSAGE = 8_000
LONGEST_INMAIL = 1_900
LONGEST_INMAIL_SUBJECT = 200

_PROFILE_PATH = re.compile(r"^/api/v1/users/([^/]{1,200})$")
_FOLLOWING_URL = re.compile(
    r"^https://www\.linkedin\.com/voyager/api/feed/dash/followingStates/"
    r"urn:li:fsd_followingState:urn:li:fsd_profile:([^/:?]{1,200})$"
)

_TITLES = {
    "errors/missing_credentials": (401, "Missing credentials"),
    "errors/invalid_credentials": (401, "Invalid credentials"),
    "errors/invalid_parameters": (400, "Invalid parameters"),
    "errors/too_many_characters": (400, "Too many characters"),
    "errors/resource_not_found": (404, "Resource not found"),
    "errors/invalid_recipient": (422, "Invalid recipient"),
    "errors/no_connection_with_recipient": (422, "No connection with recipient"),
    "errors/already_connected": (422, "Already connected"),
    "errors/already_invited_recently": (422, "Already invited recently"),
    "errors/cannot_resend_yet": (422, "Cannot resend yet"),
    "errors/too_many_requests": (429, "Too many requests"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialMessage:
    """One invitation or message that was taken."""

    account_id: str
    public_id: str
    key: str
    text: str
    chat_id: str | None
    """None for an invitation."""

    @property
    def kind(self) -> str:
        """Whether it is an invitation or a message."""
        return "invitation" if self.chat_id is None else "message"

    @property
    def digest(self) -> str:
        """What it says, comparable with others."""
        return content_digest(self.kind, self.text)


class _Refused(Exception):
    def __init__(self, type_: str) -> None:
        super().__init__(type_)
        self.type = type_


class SocialProvider:
    """Takes invitations and messages over HTTP."""

    def __init__(
        self,
        settings: SocialSettings,
        clock: ScheduleClock,
        ledger: Ledger,
        behaviour: Behaviour,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ledger = ledger
        self._behaviour = behaviour
        self._limit = RateLimit(settings.requests_per_second)
        self._invited: set[tuple[str, str]] = set()
        self._invitations: Counter[tuple[str, str]] = Counter()
        self._related: set[tuple[str, str]] = set()
        self._chats: dict[tuple[str, str], str] = {}
        self.on_message: Callable[[SocialMessage], None] = lambda _message: None
        """Called for every invitation and message that was taken."""

    # Requests

    def handle(self, request: Request) -> Response:
        """Answer one API request."""
        try:
            self._authenticate(request)
            if request.method == "GET" and (path := _PROFILE_PATH.match(request.path)):
                return self._profile(path[1], request)
            if request.method == "POST" and request.path == "/api/v1/users/invite":
                return self._invite(_json_object(request.body))
            if request.method == "POST" and request.path == "/api/v1/chats":
                return self._start_chat(form_fields(request))
            if request.method == "POST" and request.path == "/api/v1/linkedin":
                return self._pass_through(request)
            raise _Refused("errors/resource_not_found")
        except _Refused as refused:
            status, title = _TITLES[refused.type]
            return json_response(status, {"status": status, "type": refused.type, "title": title})

    def _authenticate(self, request: Request) -> None:
        key = request.headers.get("x-api-key")
        if key is None:
            raise _Refused("errors/missing_credentials")
        if not hmac.compare_digest(key.encode(), self._settings.api_key.encode()):
            raise _Refused("errors/invalid_credentials")

    def _check_account(self, account_id: str) -> None:
        if not account_id:
            raise _Refused("errors/invalid_parameters")
        if account_id not in self._settings.accounts:
            raise _Refused("errors/resource_not_found")

    def _too_fast(self, account_id: str) -> str | None:
        return None if self._limit.allows(account_id) else "errors/too_many_requests"

    def _profile(self, identifier: str, request: Request) -> Response:
        account_id = request.parameters.get("account_id", "")
        self._check_account(account_id)
        if too_fast := self._too_fast(account_id):
            raise _Refused(too_fast)
        public_id = public_identifier(identifier) or identifier.lower()
        if self._is_missing(public_id):
            raise _Refused("errors/resource_not_found")
        if request.parameters.get("notify") == "true":
            # Nothing tells one visit from the next, so none is a repetition.
            self._note("visit", account_id, public_id, request, digest="")
        first, _, last = full_name(public_id).partition(" ")
        related = (account_id, public_id) in self._related
        return json_response(
            200,
            {
                "object": "UserProfile",
                "provider": "LINKEDIN",
                "provider_id": provider_id(public_id),
                "public_identifier": public_id,
                "first_name": first,
                "last_name": last,
                "headline": "",
                "websites": [],
                "is_relationship": related,
                "network_distance": "FIRST_DEGREE" if related else "SECOND_DEGREE",
            },
        )

    def _invite(self, document: dict[str, Any]) -> Response:
        account_id, person = str(document.get("account_id", "")), str(document.get("provider_id"))
        note = str(document.get("message") or "")
        self._check_account(account_id)
        public_id = public_identifier(person)
        refusal = self._too_fast(account_id) or self._invitation_refusal(
            account_id, public_id, note
        )
        invitation_id = str(uuid.uuid4().int)[:19]
        message = SocialMessage(
            account_id=account_id,
            public_id=public_id or person,
            key=invitation_id,
            text=note,
            chat_id=None,
        )
        self._write_down(message, refusal, message.kind)
        if refusal is not None:
            raise _Refused(refusal)
        self._invited.add((account_id, message.public_id))
        self._invitations[(account_id, self._day())] += 1
        self.on_message(message)
        return json_response(
            201, {"object": "UserInvitationSent", "invitation_id": invitation_id, "usage": 0}
        )

    def _invitation_refusal(self, account_id: str, public_id: str | None, note: str) -> str | None:
        most = self._settings.invitations_per_day
        if public_id is None or self._is_missing(public_id):
            return "errors/invalid_recipient"
        if len(note) > LONGEST_NOTE:
            return "errors/too_many_characters"
        if (account_id, public_id) in self._related:
            return "errors/already_connected"
        if (account_id, public_id) in self._invited:
            return "errors/already_invited_recently"
        if most is not None and self._invitations[(account_id, self._day())] >= most:
            return "errors/cannot_resend_yet"
        return None

    def _pass_through(self, request: Request) -> Response:
        """Hand a request to the network as it is: of those, to follow somebody is known here."""
        document = _json_object(request.body)
        account_id = str(document.get("account_id", ""))
        self._check_account(account_id)
        if too_fast := self._too_fast(account_id):
            raise _Refused(too_fast)
        target = _FOLLOWING_URL.match(str(document.get("request_url", "")))
        wanted = document.get("body") == {"patch": {"$set": {"following": True}}}
        if document.get("method") != "POST" or target is None or not wanted:
            raise _Refused("errors/invalid_parameters")
        public_id = public_identifier(target[1])
        if public_id is None or self._is_missing(public_id):
            raise _Refused("errors/invalid_recipient")
        digest = content_digest("follow", account_id)
        self._note("follow", account_id, public_id, request, digest=digest)
        return json_response(200, {"object": "LinkedinRawData", "data": {}})

    def _note(
        self, kind: str, account_id: str, public_id: str, request: Request, *, digest: str
    ) -> None:
        """Write down what has no id of its own in the network: the client's names it, if given."""
        self._ledger.received(
            "social",
            account=account_id,
            sender=account_id,
            to=public_id,
            key=request.headers.get("x-request-id", uuid.uuid4().hex[:22]),
            digest=digest,
            note=kind,
        )

    def _start_chat(self, form: dict[str, str]) -> Response:
        account_id, person = form.get("account_id", ""), form.get("attendees_ids", "")
        text, inmail = form.get("text", ""), form.get("linkedin[inmail]") == "true"
        self._check_account(account_id)
        public_id = public_identifier(person)
        refusal = self._too_fast(account_id) or self._chat_refusal(
            account_id, public_id, text, subject=form.get("subject", "") if inmail else None
        )
        chat_id = self._chats.setdefault((account_id, public_id or person), uuid.uuid4().hex[:22])
        message_id = uuid.uuid4().hex[:22]
        message = SocialMessage(
            account_id=account_id,
            public_id=public_id or person,
            key=message_id,
            text=text,
            chat_id=chat_id,
        )
        self._write_down(message, refusal, "inmail" if inmail else message.kind)
        if refusal is not None:
            raise _Refused(refusal)
        self.on_message(message)
        return json_response(
            201, {"object": "ChatStarted", "chat_id": chat_id, "message_id": message_id}
        )

    def _chat_refusal(
        self, account_id: str, public_id: str | None, text: str, *, subject: str | None
    ) -> str | None:
        """Why a chat cannot begin so. subject: of an InMail; None: it is a plain message."""
        inmail = subject is not None
        if not text or (inmail and not subject):
            return "errors/invalid_parameters"
        longest = LONGEST_INMAIL if inmail else LONGEST_MESSAGE
        if len(text) > longest or len(subject or "") > LONGEST_INMAIL_SUBJECT:
            return "errors/too_many_characters"
        if public_id is None or self._is_missing(public_id):
            return "errors/invalid_recipient"
        if not inmail and (account_id, public_id) not in self._related:
            return "errors/no_connection_with_recipient"
        return None

    def _write_down(self, message: SocialMessage, refusal: str | None, kind: str) -> None:
        self._ledger.received(
            "social",
            account=message.account_id,
            sender=message.account_id,
            to=message.public_id,
            key=message.key if refusal is None else "",
            digest=message.digest,
            text_chars=len(message.text),
            size=len(message.text.encode("utf-8", "replace")),
            rejected=None if refusal is None else f"{_TITLES[refusal][0]} {refusal}",
            note=kind,
        )

    def _is_missing(self, public_id: str) -> bool:
        return not self._behaviour.has_profile(public_id)

    def _day(self) -> str:
        return self._clock.now().date().isoformat()

    def connect(self, message: SocialMessage) -> None:
        """Make the person a relation of the account that invited them."""
        self._related.add((message.account_id, message.public_id))
        self._invited.discard((message.account_id, message.public_id))


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        raise _Refused("errors/invalid_parameters") from None
    if not isinstance(document, dict):
        raise _Refused("errors/invalid_parameters")
    return document
