"""Builds mails as bytes: a skeleton compiled once, filled per touch.

`email.message.EmailMessage` costs over a millisecond a mail; this a few
tens of microseconds. The standard library's parser is the oracle that
the tests compare against.
"""

from binascii import b2a_base64, b2a_qp
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2s

from cadenza.errors import PermanentSendError
from cadenza.model import OutboundEmail
from senders.email_smtp.addresses import WireAddress
from senders.email_smtp.attached import attached_part, check_attachments
from senders.email_smtp.headers import (
    address_of,
    date_field,
    identifier_field,
    list_id_field,
    mailbox_field,
    subject_field,
    unsubscribe_fields,
)

_MAX_LINE = 998  # RFC 5322 §2.1.1
_BASE64_LINE = 76
# No line of a quoted-printable or base64 body begins with "--=_" (RFC 2045 §6.7),
# and bodies that have it are not left as 7bit: a body can never end its own part.
_BOUNDARY_MARK = b"=_"
_PLAIN_TEXT = b"Content-Type: text/plain; charset=utf-8\r\n"
_SEVEN_BIT = bytes([*range(0x20, 0x7F), *b"\t\r\n"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """A mail ready for the wire.

    data: header and body, every line ends with CRLF, not yet dot-stuffed.
    sender, recipient: the envelope, ASCII unless smtputf8.
    """

    data: bytes
    sender: str
    recipient: str
    smtputf8: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Skeleton:
    """What mails of one version, step and account share."""

    smtputf8: bool
    boundary: bytes
    top: bytes
    text_part: bytes
    html_part: bytes
    end: bytes


class MailComposer:
    """Turns `OutboundEmail` into `Mail`. skeletons: how many compiled ones are kept (LRU)."""

    def __init__(self, *, skeletons: int = 1024) -> None:
        self._skeleton = lru_cache(maxsize=skeletons)(_compile)

    def compose(self, touch: OutboundEmail) -> Mail:
        """Build one mail.

        Raises PermanentSendError if an address or a header value cannot be
        written: it has a line break, a control character, a bad form.
        """
        # The key alone should do; name, address and list are added so that a
        # wrong key can never put one account's name on another's mail.
        skeleton = self._skeleton(
            touch.skeleton, touch.sender_name, touch.sender_address, touch.list_id
        )
        recipient = address_of("the recipient's address", touch.recipient, recipient=True)
        envelope = address_of("the envelope sender", touch.envelope_from)
        addresses = [recipient, envelope]
        fields = [
            skeleton.top,
            mailbox_field("To", touch.recipient_name, recipient),
            subject_field(touch.subject),
            date_field(touch.date),
            identifier_field("Message-ID", (touch.message_id,)),
        ]
        if touch.reply_to is not None:
            reply_to = address_of("the Reply-To address", touch.reply_to)
            addresses.append(reply_to)
            fields.append(mailbox_field("Reply-To", "", reply_to))
        if touch.in_reply_to is not None:
            fields.append(identifier_field("In-Reply-To", (touch.in_reply_to,)))
        if touch.references:
            fields.append(identifier_field("References", touch.references))
        fields.append(unsubscribe_fields(touch.unsubscribe_url, touch.unsubscribe_mailto))
        fields.append(_mixed(skeleton, touch) if touch.attachments else _body(skeleton, touch))
        return Mail(
            data=b"".join(fields),
            sender=envelope.text,
            recipient=recipient.text,
            smtputf8=skeleton.smtputf8 or any(address.smtputf8 for address in addresses),
        )


def _compile(
    key: tuple[int, str, str], sender_name: str, sender_address: str, list_id: str
) -> _Skeleton:
    sender: WireAddress = address_of("the sender's address", sender_address)
    boundary = _BOUNDARY_MARK + blake2s(repr(key).encode(), digest_size=15).hexdigest().encode()
    return _Skeleton(
        smtputf8=sender.smtputf8,
        boundary=boundary,
        top=mailbox_field("From", sender_name, sender)
        + list_id_field(list_id)
        + b"MIME-Version: 1.0\r\n",
        text_part=b'Content-Type: multipart/alternative;\r\n boundary="%s"\r\n\r\n--%s\r\n%s'
        % (boundary, boundary, _PLAIN_TEXT),
        html_part=b"\r\n--%s\r\nContent-Type: text/html; charset=utf-8\r\n" % boundary,
        end=b"\r\n--%s--\r\n" % boundary,
    )


def _body(skeleton: _Skeleton, touch: OutboundEmail) -> bytes:
    text = _encoded("the text", touch.text)
    if touch.html:
        html = _encoded("the HTML", touch.html)
        return b"".join((skeleton.text_part, text, skeleton.html_part, html, skeleton.end))
    return _PLAIN_TEXT + text + (b"" if text.endswith(b"\r\n") else b"\r\n")


def _mixed(skeleton: _Skeleton, touch: OutboundEmail) -> bytes:
    """The body with its attachments behind it."""
    check_attachments(touch.attachments)
    # A line that begins with a boundary is one (RFC 2046 §5.1.1), so neither of
    # the two may begin like the other; the other goes on in hexadecimal.
    boundary = skeleton.boundary.replace(_BOUNDARY_MARK, _BOUNDARY_MARK + b"mixed_")
    pieces = [b'Content-Type: multipart/mixed;\r\n boundary="%s"\r\n\r\n' % boundary]
    parts = [_body(skeleton, touch), *map(attached_part, touch.attachments)]
    pieces += [b"--%s\r\n%s\r\n" % (boundary, part.removesuffix(b"\r\n")) for part in parts]
    pieces.append(b"--%s--\r\n" % boundary)
    return b"".join(pieces)


def _encoded(what: str, text: str) -> bytes:
    """The rest of a part: its transfer encoding, an empty line, the body.

    7bit where it fits, quoted-printable for mostly Latin text, base64 for
    other scripts: each arrives unchanged through relays of any age.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        data = text.replace("\n", "\r\n").encode()
    except UnicodeEncodeError as error:
        raise PermanentSendError(f"{what} is not valid Unicode", code="body") from error
    if _is_seven_bit(data):
        return b"Content-Transfer-Encoding: 7bit\r\n\r\n" + data
    octets_beyond_ascii = len(data) - len(text) - text.count("\n")
    if octets_beyond_ascii * 3 < len(text):
        return b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + _quoted_printable(data)
    return b"Content-Transfer-Encoding: base64\r\n\r\n" + _base64(data)


def _is_seven_bit(data: bytes) -> bool:
    return (
        not data.translate(None, _SEVEN_BIT)
        and (len(data) <= _MAX_LINE or max(map(len, data.split(b"\r\n"))) <= _MAX_LINE)
        and b"--" + _BOUNDARY_MARK not in data
    )


def _quoted_printable(data: bytes) -> bytes:
    # b2a_qp ends its soft line breaks as the first line of its input ends:
    # without one that ends with CRLF they would be bare LF.
    return b2a_qp(data + b"\r\n")[:-2]


def _base64(data: bytes) -> bytes:
    encoded = b2a_base64(data, newline=False)
    return b"\r\n".join(
        [encoded[i : i + _BASE64_LINE] for i in range(0, len(encoded), _BASE64_LINE)]
    )
