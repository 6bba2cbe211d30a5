"""Header fields as bytes: encoded, folded, and safe against whatever a value contains.

RFC 5322 (lines, quoting), RFC 2047 (encoded words). A value that holds a
line break or another control character is refused: it can only be an
accident or an injection.
"""

import re
from binascii import b2a_base64
from collections.abc import Sequence
from datetime import datetime

from cadenza.errors import PermanentSendError
from senders.email_smtp.addresses import WireAddress, ascii_domain, wire_address

_FOLD_AT = 78  # RFC 5322 §2.1.1
_LONGEST_VALUE = 998
_WORD_LIMIT = 75  # RFC 2047 §2: an encoded word; the line around it may have 76
_LINE_LIMIT = 76
_Q_FRAME = len("=?utf-8?q??=")
_MIN_WORD_ROOM = 12  # one character of four octets in Q

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=^_`{|}~-]+)*")
_IDENTIFIER = re.compile(r"<[!-;=?A-~]{1,500}@[!-;=?A-~]{1,400}>")
_URL = re.compile(r"[!-;=?-~]{1,900}")
_LIST_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")

# RFC 2047 §5 (3): what an encoded word in a phrase may show as it is; it suits any place.
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = tuple("_" if b == 0x20 else chr(b) if b in _Q_PLAIN else f"={b:02X}" for b in range(256))

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def subject_field(value: str) -> bytes:
    """`Subject:` with any text."""
    if value.isascii() and value.isprintable() and len(value) <= _FOLD_AT - 9 and "=?" not in value:
        return b"Subject: " + value.encode("ascii") + b"\r\n"
    _refuse_unsafe("the subject", value)
    return f"Subject: {_encoded_words(value, _LINE_LIMIT - 9)}\r\n".encode("ascii")


def mailbox_field(name: str, display_name: str, address: WireAddress) -> bytes:
    """`name: display_name <address>`; the address alone if the name is empty."""
    if not display_name:
        return f"{name}: {address.text}\r\n".encode()
    room = _LINE_LIMIT - len(name) - 2
    phrase = _phrase(name, display_name, room)
    field = f"{name}: {phrase}"
    last_line = len(field) - (field.rfind("\n") + 1)
    gap = " " if last_line + len(address.text) + 3 <= _FOLD_AT else "\r\n "
    return f"{field}{gap}<{address.text}>\r\n".encode()


def address_of(what: str, address: str, *, recipient: bool = False) -> WireAddress:
    """`address` for headers and envelope. Raises PermanentSendError that names `what`."""
    found = wire_address(address)
    if found is None:
        raise PermanentSendError(
            f"{what} is not a mail address that can be written in a mail",
            code="address",
            recipient_invalid=recipient,
        )
    return found


def identifier_field(name: str, identifiers: Sequence[str]) -> bytes:
    """`Message-ID:`, `In-Reply-To:` or `References:`, one identifier a line."""
    for identifier in identifiers:
        if not _IDENTIFIER.fullmatch(identifier):
            raise PermanentSendError(f"a value of {name} is not <left@right>", code="header")
    return f"{name}: {_folded(identifiers, chr(32))}\r\n".encode("ascii")


def list_id_field(value: str) -> bytes:
    """`List-Id:` (RFC 2919); nothing if `value` is empty.

    value: `label.domain`, with or without angle brackets; letters beyond
    ASCII become A-labels.
    """
    if not value:
        return b""
    bare = value[1:-1] if value[0] == "<" and value[-1] == ">" else value
    if not bare.isascii():
        bare = ascii_domain(bare)
    if len(bare) > 255 or not _LIST_ID.fullmatch(bare):  # RFC 2919 §2
        raise PermanentSendError("the list id is not a dotted name", code="header")
    return f"List-Id: <{bare}>\r\n".encode("ascii")


def unsubscribe_fields(url: str | None, mailto: str | None) -> bytes:
    """`List-Unsubscribe:` (RFC 2369) and, with a URL, `List-Unsubscribe-Post:` (RFC 8058).

    mailto: an address or a mailto: URL.
    """
    if mailto is not None and not mailto.startswith("mailto:"):
        mailto = f"mailto:{mailto}"
    targets = [target for target in (url, mailto) if target is not None]
    if not targets:
        return b""
    for target in targets:
        if not _URL.fullmatch(target):
            raise PermanentSendError(
                "the way to unsubscribe is not a URL in ASCII without blanks", code="header"
            )
    field = f"List-Unsubscribe: {_folded([f'<{t}>' for t in targets], ', ')}\r\n"
    if url is not None:
        field += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return field.encode("ascii")


def date_field(moment: datetime) -> bytes:
    """`Date:` (RFC 5322 §3.3). moment: aware."""
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("a mail's date needs a time zone")
    minutes = int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    return (
        f"Date: {_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} "
        f"{moment.year:04} {moment.hour:02}:{moment.minute:02}:{moment.second:02} "
        f"{'-' if minutes < 0 else '+'}{hours:02}{rest:02}\r\n"
    ).encode("ascii")


def _phrase(name: str, value: str, room: int) -> str:
    if value.isascii() and value.isprintable() and len(value) <= room - 2 and "=?" not in value:
        if _PHRASE.fullmatch(value):
            return value
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        if len(quoted) <= room - 2:
            return f'"{quoted}"'
    _refuse_unsafe(f"the name in {name}", value)
    return _encoded_words(value, room)


def _folded(parts: Sequence[str], separator: str) -> str:
    return f"{separator.rstrip()}\r\n ".join(parts)


def _refuse_unsafe(what: str, value: str) -> None:
    if len(value) > _LONGEST_VALUE:
        raise PermanentSendError(
            f"{what} is longer than {_LONGEST_VALUE} characters", code="header"
        )
    if _CONTROL.search(value):
        raise PermanentSendError(
            f"{what} holds a line break or another control character", code="header"
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise PermanentSendError(f"{what} is not valid Unicode", code="header") from error


def _encoded_words(value: str, room: int) -> str:
    """`value` as encoded words, one a line. room: what the first line still holds."""
    data = value.encode()
    shown = "".join([_Q[octet] for octet in data])
    if len(shown) + _Q_FRAME <= room:
        return f"=?utf-8?q?{shown}?="
    if len(shown) > 4 * -(-len(data) // 3):
        return _base64_words(data, room)
    return _q_words(value, room)


def _q_words(value: str, room: int) -> str:
    words: list[str] = []
    word, left = "", max(room - _Q_FRAME, _MIN_WORD_ROOM)
    for character in value:
        shown = "".join([_Q[octet] for octet in character.encode()])
        if len(word) + len(shown) > left:
            words.append(word)
            word, left = "", _WORD_LIMIT - _Q_FRAME
        word += shown
    words.append(word)
    return "\r\n ".join(f"=?utf-8?q?{word}?=" for word in words)


def _base64_words(data: bytes, room: int) -> str:
    words: list[str] = []
    start, left = 0, max(room - _Q_FRAME, _MIN_WORD_ROOM)
    while start < len(data):
        end = start + left // 4 * 3
        # RFC 2047 §5: each word must hold whole characters.
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(b2a_base64(data[start:end], newline=False).decode("ascii"))
        start, left = end, _WORD_LIMIT - _Q_FRAME
    return "\r\n ".join(f"=?utf-8?b?{word}?=" for word in words)
