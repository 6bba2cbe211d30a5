"""What the social provider posts to Cadenza.

https://developer.unipile.com/docs/detecting-accepted-invitations and
https://developer.unipile.com/docs/new-messages-webhook.
"""

import json
import uuid
from typing import Any

from sandbox.clock import ScheduleClock
from sandbox.http_client import WebClient
from sandbox.ledger import Ledger
from sandbox.settings import SocialSettings
from sandbox.social_profiles import full_name, profile_url, provider_id
from sandbox.social_provider import SocialMessage
from sandbox.webhooks import post_and_note


class SocialWebhooks:
    """Posts what people do, to the URLs that the settings name."""

    def __init__(
        self, settings: SocialSettings, clock: ScheduleClock, ledger: Ledger, web: WebClient
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ledger = ledger
        self._web = web

    @property
    def echoes(self) -> bool:
        """Whether messages of the accounts themselves are posted too."""
        return self._settings.echo_sent_messages

    async def report_relation(self, message: SocialMessage) -> None:
        """Post `new_relation` for an accepted invitation."""
        document = {
            "event": "new_relation",
            "account_id": message.account_id,
            "account_type": "LINKEDIN",
            "webhook_name": self._settings.webhook_name,
            "user_full_name": full_name(message.public_id),
            "user_provider_id": provider_id(message.public_id),
            "user_public_identifier": message.public_id,
            "user_profile_url": profile_url(message.public_id),
        }
        url = self._settings.users_webhook_url
        await self._post("invitation_accepted", message, url, document)

    async def report_answer(self, message: SocialMessage, text: str) -> None:
        """Post `message_received` for the person's answer in the same chat."""
        await self._post_message("social_replied", message, text, by_person=True)

    async def report_echo(self, message: SocialMessage) -> None:
        """Post `message_received` for what the account itself sent, as the provider does."""
        await self._post_message("social_echoed", message, message.text, by_person=False)

    async def _post_message(
        self, action: str, message: SocialMessage, text: str, *, by_person: bool
    ) -> None:
        owner = self._settings.accounts[message.account_id]
        owner_id = provider_id(owner.lower().replace(" ", "-"))
        ours = _attendee(owner, owner_id)
        theirs = _attendee(full_name(message.public_id), provider_id(message.public_id))
        sent_at = self._clock.now().isoformat(timespec="milliseconds")
        document = {
            "event": "message_received",
            "account_id": message.account_id,
            "account_type": "LINKEDIN",
            "account_info": {"type": "LINKEDIN", "feature": "classic", "user_id": owner_id},
            "webhook_name": self._settings.webhook_name,
            "chat_id": message.chat_id,
            "message_id": uuid.uuid4().hex[:22] if by_person else message.key,
            "message": text,
            "sender": theirs if by_person else ours,
            "attendees": [ours if by_person else theirs],
            "timestamp": sent_at.replace("+00:00", "Z"),
        }
        await self._post(action, message, self._settings.messaging_webhook_url, document)

    async def _post(
        self, action: str, message: SocialMessage, url: str | None, document: dict[str, Any]
    ) -> None:
        if url is None:
            return
        await post_and_note(
            self._web,
            self._ledger,
            action,
            person=message.public_id,
            key=message.key,
            url=url,
            headers={"Content-Type": "application/json", **self._settings.webhook_headers},
            body=json.dumps(document).encode(),
        )


def _attendee(name: str, attendee_provider_id: str) -> dict[str, str]:
    return {
        "attendee_id": uuid.uuid5(uuid.NAMESPACE_URL, attendee_provider_id).hex[:22],
        "attendee_name": name,
        "attendee_provider_id": attendee_provider_id,
        "attendee_profile_url": profile_url(attendee_provider_id),
    }
