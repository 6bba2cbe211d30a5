"""Previews in the team's mailbox: each touch as one mail, through the accounts' own relay."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cadenza.accounts import Accounts, SenderAccount
from cadenza.addresses import email_address
from cadenza.authoring.previewing import Preview
from cadenza.errors import ConfigurationError, SendError
from cadenza.model import Channel, OutboundEmail, TouchId
from console.preview.messages import as_text, headline
from senders.registry import sender_type


def mail_account(accounts: Accounts) -> SenderAccount:
    """The account that previews leave from: that of notifications, else the first mailbox.

    Raises ConfigurationError if there is none.
    """
    mailboxes = [a for a in accounts.accounts if a.channel is Channel.EMAIL]
    chosen = [a for a in mailboxes if a.id == accounts.organisation.notify_from]
    for account in chosen or mailboxes:
        return account
    raise ConfigurationError("the accounts file has no email account: previews cannot be mailed")


async def mail_previews(
    shown: Sequence[Preview], to: str, accounts: Accounts, now: datetime
) -> int:
    """Mail what would go out, one mail for each touch; returns how many.

    Raises ConfigurationError for an address or account that is none, and
    for a relay that does not take them.
    """
    try:
        address = email_address(to)
    except ValueError as error:
        raise ConfigurationError(f"--send-to {to!r} {error}") from error
    account = mail_account(accounts)
    sender = sender_type(account).for_account(account)
    await sender.open()
    count = 0
    try:
        for preview in shown:
            await sender.send(_mail(preview, address, account, now), _begin)
            count += 1
    except SendError as error:
        raise ConfigurationError(
            f"the relay of account {account.id!r} did not take preview {count + 1}: {error.detail}"
        ) from error
    finally:
        await sender.close()
    return count


def _mail(preview: Preview, to: str, account: SenderAccount, now: datetime) -> OutboundEmail:
    name = f"<preview-{preview.number}.{now:%Y%m%dT%H%M%S%f}@{account.address.rpartition('@')[2]}>"
    made = preview.made
    if isinstance(made, OutboundEmail):
        return replace(
            made,
            recipient_name="",
            recipient=to,
            envelope_from=account.address,
            sender_address=account.address,
            reply_to=None,
            subject=f"[{headline(preview)}] {made.subject}"[:900],
            message_id=name,
            in_reply_to=None,
            references=(),
            unsubscribe_url=None,
            unsubscribe_mailto=None,
        )
    return OutboundEmail(
        touch_id=TouchId(preview.number),
        account_id=account.id,
        skeleton=(0, "preview", account.id),
        sender_name=account.name,
        sender_address=account.address,
        recipient_name="",
        recipient=to,
        envelope_from=account.address,
        reply_to=None,
        subject=f"[{headline(preview)}]",
        text=f"To: {preview.to}\n\n{as_text(preview)}",
        html="",
        message_id=name,
        in_reply_to=None,
        references=(),
        list_id="",
        unsubscribe_url=None,
        unsubscribe_mailto=None,
        date=now,
    )


async def _begin() -> None:
    """A preview is no touch, so no journal has to let it through."""
