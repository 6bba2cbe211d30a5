"""Social channels by Unipile: accepted invitations and messages.

https://developer.unipile.com/docs/new-messages-webhook and
https://developer.unipile.com/docs/detecting-accepted-invitations for the documents.
"""

import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from cadenza.abc import EventSource
from cadenza.accounts import Accounts
from cadenza.errors import EventRejected, SignatureInvalid
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
)
from cadenza.settings import Settings
from events.text import storable_line, storable_text

_IDENTIFIER = re.compile(r"[^\s/?#\x00-\x1f\x7f]{1,200}")
# LinkedIn's internal ids; unlike public identifiers they are case-sensitive.
_INTERNAL_ID = re.compile(r"A[A-Za-z]oAA[A-Za-z0-9_-]+")


class UnipileSource(EventSource):
    """`new_relation` → CONNECTION_ACCEPTED; `message_received` from the other side → REPLIED.

    Authentic is what carries the header `Unipile-Auth` with the secret
    that was given when the webhook was made.
    """

    name = "unipile"

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    @classmethod
    def from_settings(
        cls, settings: Settings, signer: LinkSigner, accounts: Accounts
    ) -> Self | None:
        del signer, accounts
        secret = settings.unipile_webhook_secret
        return cls(secret.get_secret_value()) if secret is not None else None

    @property
    def routes(self) -> Sequence[Route]:
        return (Route(method="POST", path="/webhooks/unipile"),)

    def receive(self, request: RawRequest) -> Answer:
        given = request.headers.get("unipile-auth", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._secret):
            raise SignatureInvalid("the Unipile-Auth header does not match")
        document = _document(request.body)
        match document.get("event"):
            case "new_relation":
                return Answer(events=self._relation(request, document))
            case "message_received":
                return Answer(events=self._message(request, document))
        return Answer()  # read, reaction, account status …: nothing about a touch

    def _relation(self, request: RawRequest, document: Mapping[str, Any]) -> Sequence[Event]:
        people = [_identifier(document, "user_public_identifier")]
        people.append(_profile_slug(document.get("user_profile_url")))
        people.append(_identifier(document, "user_provider_id"))
        about = tuple(_addresses(people))
        if not about:
            raise EventRejected("new_relation names nobody")
        return (
            Event(
                source=self.name,
                external_id=f"relation.{_identifier(document, 'account_id')}.{about[0].address}",
                type=EventType.CONNECTION_ACCEPTED,
                occurred_at=request.received_at,
                about=about,
            ),
        )

    def _message(self, request: RawRequest, document: Mapping[str, Any]) -> Sequence[Event]:
        sender = document.get("sender")
        message_id = _identifier(document, "message_id")
        if not isinstance(sender, dict) or not message_id:
            raise EventRejected("message_received without sender or message_id")
        ours = _is_ours(document, sender)
        if ours:
            return ()
        about: list[Reference] = []
        # Only where it is sure who wrote: else a message of our own would be its own answer.
        if ours is False and (chat := _identifier(document, "chat_id")):
            about.append(MessageRef(channel=Channel.SOCIAL, provider_id=chat))
        about += _addresses(
            (
                _identifier(sender, "attendee_public_identifier"),
                _profile_slug(sender.get("attendee_profile_url")),
                _identifier(sender, "attendee_provider_id"),
            )
        )
        if not about:
            raise EventRejected("message_received names neither chat nor sender")
        text = document.get("message")
        name = sender.get("attendee_name")
        return (
            Event(
                source=self.name,
                external_id=f"message.{message_id}",
                type=EventType.REPLIED,
                occurred_at=request.received_at,
                about=tuple(about),
                data={
                    "text": storable_text(text) if isinstance(text, str) else "",
                    "from": storable_line(name) if isinstance(name, str) else "",
                },
            ),
        )


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EventRejected("the body is not JSON") from error
    if not isinstance(document, dict):
        raise EventRejected("the body is not a JSON object")
    return document


def _is_ours(document: Mapping[str, Any], sender: Mapping[str, Any]) -> bool | None:
    """Whether the account itself wrote (Unipile posts those too); None if that cannot be told."""
    is_sender = document.get("is_sender")
    if isinstance(is_sender, bool):
        return is_sender
    info = document.get("account_info")
    own = _identifier(info, "user_id") if isinstance(info, dict) else ""
    author = _identifier(sender, "attendee_provider_id")
    return own == author if own and author else None


def _identifier(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        return ""
    return storable_line(value)


def _profile_slug(url: object) -> str:
    """`jane-doe` of https://www.linkedin.com/in/jane-doe/."""
    if not isinstance(url, str) or len(url) > 500:
        return ""
    try:
        _, _, slug = urlsplit(url).path.rstrip("/").rpartition("/in/")
    except ValueError:
        return ""
    slug = unquote(slug)
    return storable_line(slug) if _IDENTIFIER.fullmatch(slug) else ""


def _addresses(identifiers: Sequence[str]) -> Iterator[AddressRef]:
    """Each identifier once, in order; public identifiers in lower case."""
    seen = set()
    for identifier in identifiers:
        address = identifier if _INTERNAL_ID.fullmatch(identifier) else identifier.lower()
        if address and address not in seen:
            seen.add(address)
            yield AddressRef(channel=Channel.SOCIAL, address=address)
