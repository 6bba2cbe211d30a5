"""Webhooks: another system is told over HTTP, signed by Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from cadenza.abc import Begin, Sender, SenderFeatures
from cadenza.accounts import SenderAccount
from cadenza.errors import (
    ConfigurationError,
    PermanentSendError,
    SendError,
    TransientSendError,
)
from cadenza.model import Accepted, Channel, Outbound, OutboundWebhook, TouchId
from senders.gate import Gate
from senders.http import Answer, Body, HttpApi, HttpSettings
from senders.settings import account_trouble, read_settings

MOST_OCTETS = 256 * 1024
"""Of one body; the specification advises to stay well below."""

_PREFIX = "whsec_"
_LEAST_KEY, _MOST_KEY = 24, 64  # octets, as the specification has it
_BUSY_RETRY = timedelta(seconds=30)
_DOWN_RETRY = timedelta(minutes=1)
_COME_AGAIN = frozenset({408, 409, 425, 429})


class WebhookSettings(HttpSettings):
    """allow_http: the address may begin with `http:`, readable by everybody on the way.

    connections: requests under way at once, at most. timeout_seconds: for
    a whole request.
    """

    timeout_seconds: float = Field(default=15, gt=0, le=600)
    allow_http: bool = False


class WebhookSender(Sender):
    """Posts to the address of one account; see docs/channels/webhook.md.

    Receivers know a repeated touch by its `webhook-id`, so one whose answer
    was lost may be sent again.
    """

    channel: ClassVar[Channel] = Channel.WEBHOOK
    provider: ClassVar[str] = "http"

    def __init__(
        self,
        address: str,
        settings: WebhookSettings,
        key: bytes,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        self.features = SenderFeatures(concurrency=settings.connections, idempotent=True)
        self._key = key
        # Receivers refuse what is older than minutes by their own clock, so this is
        # wall time whatever schedule time is.
        self._seconds = seconds
        parts = urlsplit(address)
        self._path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        self._gate = Gate(settings.connections)
        origin = f"{parts.scheme}://{parts.netloc}"
        self._api = HttpApi("the receiver", origin, settings, {"User-Agent": "Cadenza-Webhook/1"})

    @classmethod
    def route(cls, account: SenderAccount) -> str:
        settings, key = _read(account)
        said = f"{account.address}\0{settings.model_dump_json()}".encode() + key
        return f"webhook:{hashlib.blake2s(said, digest_size=16).hexdigest()}"

    @classmethod
    def for_account(cls, account: SenderAccount) -> "WebhookSender":
        settings, key = _read(account)
        return cls(account.address, settings, key)

    async def open(self) -> None:
        await self._api.open()
        self._gate.open()

    async def send(self, touch: Outbound, begin: Begin) -> Accepted:
        if not isinstance(touch, OutboundWebhook):
            raise TypeError(f"WebhookSender cannot send {type(touch).__name__}")
        body = _body(touch.document)
        name = webhook_id(touch.touch_id)
        async with self._gate:
            headers = self._headers(name, body)
            answer = await self._api.post(
                self._path, begin, Body(type="application/json", octets=body), headers
            )
        if 200 <= answer.status < 300:
            return Accepted(provider_id=name, detail=str(answer.status))
        raise _refusal(answer)

    async def close(self) -> None:
        await self._gate.close()
        await self._api.close()

    def _headers(self, name: str, body: bytes) -> Mapping[str, str]:
        at = str(int(self._seconds()))
        return {
            "webhook-id": name,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{signature(self._key, name, at, body)}",
        }


def webhook_id(touch_id: TouchId) -> str:
    """What a receiver knows a touch by: the same for every attempt."""
    return f"touch_{touch_id}"


def signature(key: bytes, name: str, at: str, body: bytes) -> str:
    """The `v1` signature: HMAC-SHA256 over id, timestamp and body, in base64."""
    signed = b".".join((name.encode(), at.encode(), body))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode("ascii")


def _body(document: Mapping[str, Any]) -> bytes:
    try:
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:  # also UnicodeEncodeError
        raise PermanentSendError("the webhook cannot be written as JSON", code="body") from error
    if len(body) > MOST_OCTETS:
        raise PermanentSendError(
            f"the webhook is larger than {MOST_OCTETS // 1024} KiB", code="body"
        )
    return body


def _read(account: SenderAccount) -> tuple[WebhookSettings, bytes]:
    settings = read_settings(WebhookSettings, account, secrets={"signing"})
    where = f"account {account.id!r} (http)"
    _check_address(where, account.address, allow_http=settings.allow_http)
    return settings, _key(where, account.secrets["signing"])


def _check_address(where: str, address: str, *, allow_http: bool) -> None:
    mend = f"{where}: address: write the receiver's address, like https://crm.example.com/hooks"
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        raise ConfigurationError(mend) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ConfigurationError(mend)
    if not (address.isascii() and address.isprintable()) or " " in address:
        raise ConfigurationError(mend)
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f"{where}: address: write it without a name and password in it")
    if parts.scheme == "http" and not allow_http:
        raise ConfigurationError(
            f"{where}: address: write https: over http everybody on the way reads and changes it; "
            "settings.allow_http: true permits that"
        )


def _key(where: str, secret: SecretStr) -> bytes:
    said = secret.get_secret_value()
    mend = (
        f"{where}: secrets.signing: write `{_PREFIX}` and then {_LEAST_KEY} to {_MOST_KEY} random "
        "octets in base64"
    )
    try:
        key = base64.b64decode(said.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigurationError(mend) from None  # its text would quote the secret
    if not said.startswith(_PREFIX) or not _LEAST_KEY <= len(key) <= _MOST_KEY:
        raise ConfigurationError(mend)
    return key


def _refusal(answer: Answer) -> SendError:
    code = str(answer.status)
    if answer.status in _COME_AGAIN or answer.status >= 500:
        wait = _DOWN_RETRY if answer.status >= 500 else _BUSY_RETRY
        return TransientSendError(
            f"the receiver asks to come again ({code})",
            code=code,
            retry_after=answer.retry_after or wait,
        )
    if answer.status in (401, 403) or answer.status < 400:
        return account_trouble(
            f"the receiver does not take what this account posts ({code}): "
            "check address and secrets.signing",
            code=code,
        )
    return PermanentSendError(f"the receiver refused the webhook ({code})", code=code)
