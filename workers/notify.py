"""Tells owners, by mail, that a prospect responded: one message with the text, never for opens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from cadenza.abc import Draw
from cadenza.accounts import Accounts, Owner, SenderAccount
from cadenza.clock import Clock
from cadenza.errors import (
    AmbiguousSendError,
    ConfigurationError,
    SendError,
    TransientSendError,
    traced,
)
from cadenza.fence import Fence
from cadenza.language.email_template import one_line
from cadenza.limits import LimitRules
from cadenza.links import Links
from cadenza.model import Channel, OutboundEmail, TouchId
from cadenza.storage import account_pauses, notifications, quotas
from cadenza.storage.database import Connection, Database
from cadenza.storage.notifications import Notification
from cadenza.storage.quotas import Place
from workers.sender_pool import SenderPool

log = structlog.get_logger(__name__)

_MOST_ATTEMPTS = 10
_RETRY_SECONDS = 60.0
_SUBJECTS = {
    "replied": "{name} answered you",
    "meeting_booked": "{name} booked a meeting",
}


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """A mailbox, and the places that were taken under its caps; None: the file has no mailbox."""

    account: SenderAccount | None
    places: Sequence[Place] = ()


class Notifier:
    """Sends what is owed to owners. At least once: after a crash the same Message-ID again.

    They count under the caps of the mailbox that they leave from like
    touches: to its provider they are mails like others. Its gap and its
    rates they do not heed, as an answer should be known at once.
    """

    def __init__(
        self,
        *,
        database: Database,
        accounts: Accounts,
        senders: SenderPool,
        links: Links,
        clock: Clock,
        fence: Fence,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._senders = senders
        self._links = links
        self._clock = clock
        self._fence = fence
        self._rules = LimitRules(accounts)

    async def notify_all(self) -> int:
        """Send until none waits; returns how many were sent. Raises FenceClosed.

        Each in a transaction of its own: what fails for one must not make
        another leave again. Its place under the caps is taken in one before,
        so that no crash forgets what has left.
        """
        total = 0
        while (ready := await self._place()) is not None:
            async with self._database.transaction() as tx:
                waiting = await notifications.take(tx, 1, self._clock.now())
                came = [await self._notify(tx, one, ready.account) for one in waiting]
                if not any(came):
                    await quotas.give_back(tx, dict.fromkeys(ready.places, 1))
            total += sum(came)
            if not waiting:  # somebody else has it
                break
        return total

    async def _place(self) -> _Ready | None:
        """A mailbox with a place for one notification; None if none waits, or all have to."""
        async with self._database.transaction() as tx:
            await self._fence.check(tx)
            now = self._clock.now()
            if not await notifications.is_one_waiting(tx, now):
                return None
            mailboxes = self._mailboxes()
            if not mailboxes:
                return _Ready(account=None)
            resting = await account_pauses.resting(tx)
            for account in mailboxes:
                if account.id in resting:
                    continue
                caps = self._rules.sender_caps(Draw(account=account))
                places = await quotas.take_one(tx, caps, now)
                if places is not None:
                    return _Ready(account=account, places=places)
            await notifications.put_off(tx, now, now + timedelta(seconds=_RETRY_SECONDS))
            log.warning("notifications_wait", reason="every mailbox is full or rests")
            return None

    async def _notify(
        self, tx: Connection, notification: Notification, account: SenderAccount | None
    ) -> bool:
        """Whether it left, or may have."""
        owner = self._accounts.owner_by_id.get(notification.owner_id)
        if owner is None or account is None:
            missing = (
                "the owner is not in the accounts file" if owner is None else "no mail account"
            )
            await self._failed(tx, notification, missing, again=False)
            return False
        try:
            sender = await self._senders.sender_for(account)
            await sender.send(self._compose(notification, owner, account), _begin)
        except AmbiguousSendError:
            pass  # it may have arrived; a second one would only disturb
        except (SendError, ConfigurationError) as error:
            again = isinstance(error, TransientSendError)
            await self._failed(tx, notification, str(error), again=again)
            return False
        except Exception as error:  # noqa: BLE001 - it must not hold up those behind it
            log.error("notification_failed", error=traced(error))
            await self._failed(tx, notification, type(error).__name__, again=True)
            return False
        await notifications.sent(tx, [notification.notification_id], self._clock.now())
        return True

    async def _failed(
        self, tx: Connection, notification: Notification, failure: str, *, again: bool
    ) -> None:
        again = again and notification.attempts < _MOST_ATTEMPTS
        await notifications.failed(
            tx,
            notification.notification_id,
            retry_seconds=_RETRY_SECONDS if again else None,
            failure=failure,
        )

    def _mailboxes(self) -> Sequence[SenderAccount]:
        """From which it may leave: `notify_from` first, then as the file has them."""
        mail = [a for a in self._accounts.accounts if a.channel is Channel.EMAIL]
        chosen = self._accounts.organisation.notify_from
        return sorted(mail, key=lambda account: account.id != chosen)

    def _compose(
        self, notification: Notification, owner: Owner, account: SenderAccount
    ) -> OutboundEmail:
        name = _name(notification.prospect)
        subject = _SUBJECTS.get(notification.kind, "News of {name}").format(name=name)
        text = _text(notification, owner, name)
        identity = f"notification-{notification.notification_id}"
        return OutboundEmail(
            touch_id=TouchId(0),
            account_id=account.id,
            skeleton=(0, "notification", account.id),
            sender_name=f"Cadenza for {self._accounts.organisation.name}",
            sender_address=account.address,
            recipient_name=owner.name,
            recipient=owner.email,
            envelope_from=account.address,
            # Answering the notification answers the prospect.
            reply_to=notification.prospect.get("email"),
            subject=subject,
            text=text,
            html="",
            message_id=f"<{identity}@{self._links.mail_domain}>",
            in_reply_to=None,
            references=(),
            list_id="",
            unsubscribe_url=None,
            unsubscribe_mailto=None,
            date=self._clock.now(),
        )


async def _begin() -> None:
    """Notifications have no journal."""


def _name(prospect: Mapping[str, Any]) -> str:
    names = [str(prospect[n]) for n in ("first_name", "last_name") if prospect.get(n)]
    # It stands in a subject, where a line break would keep the mail from its owner.
    return one_line(" ".join(names) or str(prospect["key"]))


def _text(notification: Notification, owner: Owner, name: str) -> str:
    prospect = notification.prospect
    said = str(notification.event.get("text") or "").strip()
    reach = [str(prospect[n]) for n in ("email", "phone", "profile") if prospect.get(n)]
    lines = [
        f"Hello {owner.name},",
        "",
        f"{name}{_at(prospect)} responded to step “{notification.step or '-'}” of the cadence "
        f"“{notification.cadence}”.",
        "",
        *([f"> {line}" for line in said.splitlines()] if said else []),
        "",
        f"Reach them at: {', '.join(reach) or '-'}",
        f"Enrollment {notification.enrollment_id}: cadenza explain {notification.enrollment_id}",
    ]
    return "\n".join(lines)


def _at(prospect: Mapping[str, Any]) -> str:
    return f" ({prospect['company']})" if prospect.get("company") else ""
