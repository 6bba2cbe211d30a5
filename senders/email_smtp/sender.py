"""Email over SMTP."""

from typing import ClassVar

from pydantic import SecretStr

from cadenza.abc import Begin, Sender, SenderFeatures
from cadenza.accounts import SenderAccount
from cadenza.model import Accepted, Channel, Outbound, OutboundEmail
from senders.email_smtp.connection import Reply
from senders.email_smtp.dialer import Dialer
from senders.email_smtp.mime import Mail, MailComposer
from senders.email_smtp.pool import SmtpPool
from senders.email_smtp.settings import SmtpSettings, smtp_settings
from senders.email_smtp.transaction import StaleConnection, deliver
from senders.gate import Gate

_DETAIL_CHARACTERS = 120


class SmtpSender(Sender):
    """Sends over persistent connections to one relay; see docs/channels/email.md.

    Accounts share it if they log in to the same relay with the same name.
    """

    channel: ClassVar[Channel] = Channel.EMAIL
    provider: ClassVar[str] = "smtp"

    def __init__(self, settings: SmtpSettings, password: SecretStr | None) -> None:
        self.features = SenderFeatures(concurrency=settings.connections)
        self._gate = Gate(settings.connections)
        self._pool = SmtpPool(Dialer(settings, password).dial)
        self._composer = MailComposer()

    @classmethod
    def route(cls, account: SenderAccount) -> str:
        settings, _ = smtp_settings(account)
        return settings.route

    @classmethod
    def for_account(cls, account: SenderAccount) -> "SmtpSender":
        return cls(*smtp_settings(account))

    async def open(self) -> None:
        self._gate.open()

    async def send(self, touch: Outbound, begin: Begin) -> Accepted:
        if not isinstance(touch, OutboundEmail):
            raise TypeError(f"SmtpSender cannot send {type(touch).__name__}")
        mail = self._composer.compose(touch)
        async with self._gate:
            reply = await self._send(mail, begin)
        return Accepted(provider_id=touch.message_id, detail=_shown(reply))

    async def close(self) -> None:
        await self._gate.close()
        await self._pool.close()

    async def _send(self, mail: Mail, begin: Begin) -> Reply:
        connection = await self._pool.take()
        try:
            return await deliver(connection, mail, begin)
        except StaleConnection:
            pass  # the relay had tired of waiting: this mail has not been tried at all yet
        finally:
            self._pool.give_back(connection)
        connection = await self._pool.new()
        try:
            return await deliver(connection, mail, begin)
        finally:
            self._pool.give_back(connection)


def _shown(reply: Reply) -> str:
    """The relay's acceptance, with its queue id, for the ledger."""
    text = reply.text[:_DETAIL_CHARACTERS].decode("ascii", "replace")
    return f"{reply.code} {''.join(c if c.isprintable() else '?' for c in text)}".rstrip()
