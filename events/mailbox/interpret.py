"""What a received mail means: the events in it. Pure, and total over arbitrary bytes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cadenza.links import LinkSigner
from cadenza.model import Channel, Event, EventType, MessageRef, Reference, TouchRef
from events.mailbox.automatic import is_automatic
from events.mailbox.bounces import Bounce, Fate, find_bounce
from events.mailbox.complaints import find_complaint, is_complaint
from events.mailbox.mail import Mail, message_ids
from events.mailbox.mime import Part, parse_headers
from events.mailbox.recipients import Box, Recipient, verified_recipient
from events.mailbox.reply_text import new_text
from events.optout import Keyword, asks_to_stop, keyword

SOURCE = "mailbox"

_MAX_ORIGINALS = 3
_TRACE_HEADERS = frozenset(("received", "return-path", "delivered-to", "x-original-to"))


class Kind(StrEnum):
    """What a mail is. The last three are stored as nothing."""

    REPLY = "reply"
    AUTO_REPLY = "auto_reply"
    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIPTION = "unsubscription"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    FORWARDED = "forwarded"
    RECEIPT = "receipt"


_TYPES = {
    Kind.REPLY: EventType.REPLIED,
    Kind.AUTO_REPLY: EventType.AUTO_REPLIED,
    Kind.HARD_BOUNCE: EventType.BOUNCED,
    Kind.SOFT_BOUNCE: EventType.SOFT_BOUNCED,
    Kind.COMPLAINT: EventType.COMPLAINED,
    Kind.UNSUBSCRIPTION: EventType.UNSUBSCRIBED,
    Kind.DELIVERED: EventType.DELIVERED,
}
_FATES = {
    Fate.HARD: Kind.HARD_BOUNCE,
    Fate.SOFT: Kind.SOFT_BOUNCE,
    Fate.DELAYED: Kind.DELAYED,
    Fate.DELIVERED: Kind.DELIVERED,
    Fate.FORWARDED: Kind.FORWARDED,
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a mail is, and the data of its event."""

    kind: Kind
    data: Mapping[str, Any]


def interpret(
    raw: bytes, envelope_from: str, envelope_to: str, received_at: datetime, signer: LinkSigner
) -> Sequence[Event]:
    """The events in one mail to one recipient; none if the address was not made here.

    envelope_from: the SMTP sender, empty or `<>` for the null sender.
    received_at: becomes `occurred_at`; the mail's own Date is the
    sender's word. The same mail gives the same `external_id`s however
    often and by whatever way it is delivered. A mail that nothing marks
    as made by a program is a reply: a person must see it. Never raises.
    """
    recipient = verified_recipient(envelope_to, signer)
    if recipient is None:
        return ()
    return interpret_for(recipient, Mail.of(raw), envelope_from, received_at)


def interpret_for(
    recipient: Recipient, mail: Mail, envelope_from: str, received_at: datetime
) -> Sequence[Event]:
    """The same of a mail that is parsed already, for one of its recipients."""
    null_sender = not envelope_from.strip().strip("<>")
    finding = classify(mail, recipient.box, null_sender=null_sender)
    identity = f"{recipient.touch_id}.{_digest(mail)}"
    about = _about(recipient, mail)

    def event(type_: EventType, external_id: str, data: Mapping[str, Any]) -> Event:
        return Event(
            source=SOURCE,
            external_id=external_id,
            type=type_,
            occurred_at=received_at,
            about=about,
            data=data,
        )

    if finding.kind is Kind.UNSUBSCRIPTION:
        return (event(EventType.UNSUBSCRIBED, f"{recipient.touch_id}.u", finding.data),)
    if finding.kind not in _TYPES:
        return ()
    events = [event(_TYPES[finding.kind], identity, finding.data)]
    if finding.kind is Kind.REPLY and (
        _asks_by_subject(mail) or asks_to_stop(finding.data["text"])
    ):
        opted_out = {"channel": Channel.EMAIL.value, "how": "reply"}
        events.insert(0, event(EventType.UNSUBSCRIBED, f"{identity}.u", opted_out))
    return tuple(events)


def classify(mail: Mail, box: Box, *, null_sender: bool) -> Finding:
    """What `mail` is. What programs write is told apart first; a reply is what remains."""
    complaint = find_complaint(mail)
    if complaint is not None:
        kind = Kind.COMPLAINT if is_complaint(complaint) else Kind.RECEIPT
        return Finding(kind=kind, data={"feedback_type": complaint})
    bounce = find_bounce(mail, null_sender=null_sender)
    if bounce is not None:
        return Finding(kind=_FATES[bounce.fate], data=_bounce_data(bounce))
    if _is_receipt(mail):
        return Finding(kind=Kind.RECEIPT, data={})
    automatic = is_automatic(mail, null_sender=null_sender)
    if not null_sender and (box is Box.UNSUBSCRIBE or (automatic and _asks_by_subject(mail))):
        # Clients send these by themselves, some with Auto-Submitted; they mean it all the same.
        data = {"channel": Channel.EMAIL.value, "how": "mail"}
        return Finding(kind=Kind.UNSUBSCRIPTION, data=data)
    kind = Kind.AUTO_REPLY if automatic else Kind.REPLY
    written = {"text": new_text(mail.text), "subject": mail.subject, "from": mail.header("from")}
    return Finding(kind=kind, data=written)


def _asks_by_subject(mail: Mail) -> bool:
    return keyword(mail.subject) is Keyword.STOP


def _bounce_data(bounce: Bounce) -> Mapping[str, Any]:
    diagnosis = bounce.diagnosis
    data = {
        "reason": diagnosis.reason.value,
        "status": diagnosis.status,
        "code": diagnosis.code,
        "recipient": bounce.recipient,
        "detail": bounce.detail,
    }
    return {name: value for name, value in data.items() if value}


def _is_receipt(mail: Mail) -> bool:
    """A read receipt (RFC 8098): a program's note that says nothing of what somebody thinks."""
    return any(part.content_type == "message/disposition-notification" for part in mail.parts)


def _about(recipient: Recipient, mail: Mail) -> tuple[Reference, ...]:
    """The touch that the address names; then what the mail itself refers to."""
    originals = list(dict.fromkeys(_originals(mail)))[:_MAX_ORIGINALS]
    references = (MessageRef(channel=Channel.EMAIL, provider_id=one) for one in originals)
    return (TouchRef(touch_id=recipient.touch_id), *references)


def _originals(mail: Mail) -> Sequence[str]:
    """Message-IDs of the mail that this one is about, the surest first."""
    found: list[str] = []
    for part in mail.root.walk():
        if part.content_type in ("message/rfc822", "message/global"):
            for attached in part.parts[:1]:
                found += message_ids(attached.header("message-id"))
        elif part.content_type in ("text/rfc822-headers", "message/global-headers"):
            headers = parse_headers(part.content())
            found += message_ids((headers.get("message-id") or ("",))[0])
    return [*found, *message_ids(mail.header("in-reply-to"))]


def _digest(mail: Mail) -> str:
    """Equal for the same mail, whichever servers it passed; 32 characters.

    Message-ID alone will not do: some programs use one for all their mails.
    """
    digest = hashlib.blake2s(mail.message_id.encode(), digest_size=16)
    _add(digest, mail.root, with_headers=not mail.message_id)
    return digest.hexdigest()


def _add(digest: hashlib.blake2s, part: Part, *, with_headers: bool) -> None:
    if with_headers:
        for name in sorted(part.headers.keys() - _TRACE_HEADERS):
            digest.update(f"{name}:{part.headers[name][0]}\n".encode())
    # Servers may add line ends at the end, and blanks at the end of lines.
    digest.update(b"\n".join(line.rstrip() for line in part.body.strip().split(b"\n")))
