"""LinkedIn and the like over the Unipile API (https://developer.unipile.com/reference)."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

from pydantic import SecretStr

from cadenza.abc import Begin, Sender, SenderFeatures
from cadenza.accounts import SenderAccount
from cadenza.errors import ConfigurationError, PermanentSendError, TransientSendError
from cadenza.model import Accepted, Channel, Outbound, OutboundSocial
from senders.gate import Gate
from senders.http import (
    Answer,
    BaseUrl,
    Body,
    HttpApi,
    HttpSettings,
    as_json,
    as_parts,
)
from senders.settings import read_settings
from senders.unipile_errors import refusal

_REMEMBERED_PEOPLE = 4096
_MAX_IDENTIFIER = 300
_ACTIONS = ("connect", "message", "inmail", "follow", "view")
_FOLLOWING = (
    "https://www.linkedin.com/voyager/api/feed/dash/followingStates/"
    "urn:li:fsd_followingState:urn:li:fsd_profile:"
)


class UnipileSettings(HttpSettings):
    """api_base: the address of your Unipile workspace, e.g. https://api1.unipile.com:13111."""

    api_base: BaseUrl


class UnipileSender(Sender):
    """Invites, writes, follows and visits; see docs/channels/social.md.

    One for each account: Unipile names the acting profile in every request.
    """

    channel: ClassVar[Channel] = Channel.SOCIAL
    provider: ClassVar[str] = "unipile"

    def __init__(self, account_id: str, settings: UnipileSettings, api_key: SecretStr) -> None:
        self.features = SenderFeatures(concurrency=settings.connections)
        self._account_id = account_id
        self._gate = Gate(settings.connections)
        self._api = HttpApi(
            "Unipile", settings.api_base, settings, {"X-API-KEY": api_key.get_secret_value()}
        )
        self._people: OrderedDict[str, str] = OrderedDict()

    @classmethod
    def route(cls, account: SenderAccount) -> str:
        settings = _read(account)
        # API keys are long and random: their digest gives nothing away.
        key = account.secrets["api_key"].get_secret_value().encode()
        digest = hashlib.blake2s(key, digest_size=8).hexdigest()
        return f"unipile:{settings.api_base}:{account.address}:{digest}"

    @classmethod
    def for_account(cls, account: SenderAccount) -> "UnipileSender":
        return cls(account.address, _read(account), account.secrets["api_key"])

    async def open(self) -> None:
        await self._api.open()
        self._gate.open()

    async def send(self, touch: Outbound, begin: Begin) -> Accepted:
        if not isinstance(touch, OutboundSocial):
            raise TypeError(f"UnipileSender cannot send {type(touch).__name__}")
        if touch.action not in _ACTIONS:
            raise PermanentSendError(
                f"Unipile is asked for the action {touch.action!r}: use {', '.join(_ACTIONS)}",
                code="action",
            )
        async with self._gate:
            person = await self._resolve(touch.recipient)
            match touch.action:
                case "connect":
                    return await self._connect(touch, person, begin)
                case "follow":
                    return await self._follow(touch, person, begin)
                case "view":
                    return await self._view(touch, person, begin)
                case _:
                    return await self._message(touch, person, begin)

    async def close(self) -> None:
        await self._gate.close()
        await self._api.close()

    async def _resolve(self, identifier: str) -> str:
        """The network's own id of a person, by their public identifier."""
        person = self._people.get(identifier)
        if person is not None:
            self._people.move_to_end(identifier)
            return person
        if not identifier or len(identifier) > _MAX_IDENTIFIER:
            raise PermanentSendError(
                "the profile identifier is empty or too long",
                code="profile",
                recipient_invalid=True,
            )
        answer = await self._api.get(
            f"/api/v1/users/{quote(identifier, safe='')}", {"account_id": self._account_id}
        )
        if answer.status >= 300:
            raise refusal(answer, changes_something=False)
        person = answer.text("provider_id")
        if not person:
            raise TransientSendError(
                "Unipile answered a look-up without provider_id", code=str(answer.status)
            )
        self._people[identifier] = person
        if len(self._people) > _REMEMBERED_PEOPLE:
            self._people.popitem(last=False)
        return person

    async def _connect(self, touch: OutboundSocial, person: str, begin: Begin) -> Accepted:
        invitation = {"account_id": self._account_id, "provider_id": person}
        if touch.text:
            invitation["message"] = touch.text
        answer = await self._ask("/api/v1/users/invite", begin, as_json(invitation))
        return _accepted(touch, answer.text("invitation_id"))

    async def _message(self, touch: OutboundSocial, person: str, begin: Begin) -> Accepted:
        form = [
            ("account_id", self._account_id),
            ("attendees_ids", person),
            ("text", touch.text),
        ]
        if touch.action == "inmail":
            form += [
                ("subject", touch.subject),
                ("linkedin[api]", "classic"),
                ("linkedin[inmail]", "true"),
            ]
        answer = await self._ask("/api/v1/chats", begin, as_parts(form))
        # Webhooks of later messages name the chat, not the message that they answer.
        return _accepted(touch, answer.text("message_id"), thread_id=answer.text("chat_id"))

    async def _follow(self, touch: OutboundSocial, person: str, begin: Begin) -> Accepted:
        # Unipile has no method of its own for this and documents to pass it through:
        # https://developer.unipile.com/docs/get-raw-data-example#following-someone
        await self._ask(
            "/api/v1/linkedin",
            begin,
            as_json(
                {
                    "account_id": self._account_id,
                    "method": "POST",
                    "request_url": _FOLLOWING + quote(person, safe=""),
                    "body": {"patch": {"$set": {"following": True}}},
                    "encoding": False,
                }
            ),
            headers=_named(touch),
        )
        return _accepted(touch, "")

    async def _view(self, touch: OutboundSocial, person: str, begin: Begin) -> Accepted:
        """Look at the profile so that its owner is told of the visit."""
        answer = await self._api.visit(
            f"/api/v1/users/{quote(person, safe='')}",
            {"account_id": self._account_id, "notify": "true"},
            begin,
            headers=_named(touch),
        )
        if not 200 <= answer.status < 300:
            raise refusal(answer, changes_something=True)
        return _accepted(touch, "")

    async def _ask(
        self, path: str, begin: Begin, body: Body, headers: Mapping[str, str] | None = None
    ) -> Answer:
        answer = await self._api.post(path, begin, body, headers)
        if not 200 <= answer.status < 300:
            raise refusal(answer, changes_something=True)
        return answer


def _read(account: SenderAccount) -> UnipileSettings:
    settings = read_settings(UnipileSettings, account, secrets={"api_key"})
    if not account.address or not account.address.isprintable() or not account.address.isascii():
        raise ConfigurationError(
            f"account {account.id!r} (unipile): address: write the account id that Unipile shows "
            f"for the connected profile"
        )
    return settings


def _named(touch: OutboundSocial) -> Mapping[str, str]:
    """For what the network gives no id: by this name both sides' logs tell of it."""
    return {"X-Request-Id": _own_name(touch)}


def _own_name(touch: OutboundSocial) -> str:
    return f"touch-{touch.touch_id}"


def _accepted(touch: OutboundSocial, provider_id: str, thread_id: str = "") -> Accepted:
    # Unipile may answer that it has done what was asked and leave the id null.
    return Accepted(provider_id=provider_id or _own_name(touch), thread_id=thread_id or None)
