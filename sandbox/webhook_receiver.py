"""Another company's system that is told by webhooks: it checks each and keeps what it was told.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import json
import time

from sandbox.http_server import Request, Response, json_response
from sandbox.ledger import Ledger
from sandbox.settings import WebhookSettings

OLDEST_SECONDS = 300


class WebhookReceiver:
    """Takes signed webhooks at any path, each once.

    Who sends one again because no answer came is told that it was taken.
    """

    def __init__(self, settings: WebhookSettings, ledger: Ledger) -> None:
        secret = settings.secret
        self._key = None if secret is None else base64.b64decode(secret.removeprefix("whsec_"))
        self._ledger = ledger
        self._taken: set[str] = set()

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        name = request.headers.get("webhook-id", "")
        trouble = self._trouble(request, name)
        repeated = name in self._taken and trouble is None
        event, account = _told(request.body)
        self._ledger.received(
            "webhook",
            account=account,
            sender=request.headers.get("user-agent", ""),
            to=request.path,
            # A repetition is part of the protocol and no second message.
            key="" if repeated or trouble else name,
            text_chars=len(request.body),
            size=len(request.body),
            rejected=None if trouble is None else f"{trouble[0]} {trouble[1]}",
            note=f"{event} repeated" if repeated else event,
        )
        if trouble is not None:
            return json_response(trouble[0], {"error": trouble[1]})
        self._taken.add(name)
        return json_response(200, {"taken": name})

    def _trouble(self, request: Request, name: str) -> tuple[int, str] | None:
        if request.method != "POST":
            return 405, "only POST"
        at = request.headers.get("webhook-timestamp", "")
        if not name or not (at.isascii() and at.isdigit()):
            return 400, "webhook-id or webhook-timestamp is missing"
        if abs(time.time() - int(at)) > OLDEST_SECONDS:
            return 400, "webhook-timestamp is too old or too new"
        if not self._is_signed(request, name, at):
            return 401, "no signature matches"
        if _document(request.body) is None:
            return 400, "the body is not a JSON object"
        return None

    def _is_signed(self, request: Request, name: str, at: str) -> bool:
        if self._key is None:
            return False
        signed = f"{name}.{at}.".encode() + request.body
        right = base64.b64encode(hmac.new(self._key, signed, hashlib.sha256).digest())
        given = request.headers.get("webhook-signature", "").split(" ")
        signatures = [text.partition(",")[2] for text in given if text.startswith("v1,")]
        return any(hmac.compare_digest(right, text.encode("latin-1")) for text in signatures)


def _document(body: bytes) -> dict[str, object] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _told(body: bytes) -> tuple[str, str]:
    """What is told, and by which cadence."""
    document = _document(body) or {}
    return str(document.get("event", "")), str(document.get("cadence", ""))
