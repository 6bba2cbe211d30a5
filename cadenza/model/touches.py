"""What leaves: one type per channel; addresses are final, texts are rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cadenza.model.ids import TouchId


class TouchStatus(StrEnum):
    """How a touch ended, in the ledger."""

    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that a mail carries. name: without folders. media_type: e.g. `application/pdf`."""

    name: str
    content: bytes
    media_type: str


@dataclass(frozen=True, kw_only=True)
class OutboundEmail:
    """One rendered mail.

    skeleton: equal for mails of the same version, step, variant of the
    template and account.
    """

    touch_id: TouchId
    account_id: str
    skeleton: tuple[int, str, str]
    sender_name: str
    sender_address: str
    recipient_name: str
    recipient: str
    envelope_from: str
    reply_to: str | None
    subject: str
    text: str
    html: str
    message_id: str
    in_reply_to: str | None
    references: Sequence[str]
    list_id: str
    unsubscribe_url: str | None
    unsubscribe_mailto: str | None
    date: datetime
    attachments: Sequence[Attachment] = ()


@dataclass(frozen=True, kw_only=True)
class OutboundSms:
    """One rendered text message. Numbers are E.164."""

    touch_id: TouchId
    account_id: str
    sender: str
    recipient: str
    body: str
    status_callback: str | None


@dataclass(frozen=True, kw_only=True)
class OutboundSocial:
    """One social action on `network`.

    action: `connect` (text optional), `message`, `inmail` (with a
    subject), or `follow` and `view`, which say nothing.
    """

    touch_id: TouchId
    account_id: str
    network: str
    action: str
    recipient: str
    text: str
    subject: str = ""


@dataclass(frozen=True, kw_only=True)
class OutboundWebhook:
    """Something to tell another system. document: the JSON object that is posted.

    recipient: which system, for people and the ledger: its host. The
    address itself may hold a secret and stays with the account.
    """

    touch_id: TouchId
    account_id: str
    recipient: str
    document: Mapping[str, Any]


Outbound = OutboundEmail | OutboundSms | OutboundSocial | OutboundWebhook


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A provider took a touch over.

    provider_id: Message-ID, SID … by which events refer to it. thread_id:
    the conversation that it is part of, where answers name only that.
    detail: what the provider said, for people.
    """

    provider_id: str
    thread_id: str | None = None
    detail: str = ""
