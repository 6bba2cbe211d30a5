"""Reads delivery status reports (RFC 3464), also those that are not quite by the book."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from events.mailbox.mime import parse_headers
from events.text import storable_line

_MAX_BLOCKS = 20
_FINAL_RECIPIENT = re.compile(rb"^(?=final-recipient[ \t]*:)", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_FIELD = re.compile(
    r"^[ \t]*(?:final-recipient|original-recipient|action|status|diagnostic-code)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(r"[^\s<>;,\"()\[\]]{1,128}@[^\s<>;,\"()\[\]]{1,200}")

# RFC 3464 §2.3.3, and what is written in its place.
_ACTIONS = {
    "failed": "failed",
    "failure": "failed",
    "fail": "failed",
    "expired": "failed",
    "undeliverable": "failed",
    "delayed": "delayed",
    "delay": "delayed",
    "deferred": "delayed",
    "delivered": "delivered",
    "deliverable": "delivered",
    "relayed": "relayed",
    "expanded": "expanded",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipientStatus:
    """What became of the mail for one recipient; fields that are absent are empty.

    action: failed, delayed, delivered, relayed, expanded or empty. status:
    an enhanced code such as `5.1.1` (RFC 3463). status_comment: what stands
    beside it. diagnostic: the remote server's words, on one line.
    diagnostic_type: `smtp`, `x-unix` …
    """

    recipient: str = ""
    action: str = ""
    status: str = ""
    status_comment: str = ""
    diagnostic: str = ""
    diagnostic_type: str = ""


def read_report(content: bytes) -> Sequence[RecipientStatus]:
    """The per-recipient blocks of a message/delivery-status, in order, at most 20."""
    found = (_recipient(block) for block in islice(_blocks(content), _MAX_BLOCKS))
    return [recipient for recipient in found if recipient is not None]


def _blocks(content: bytes) -> Iterator[bytes]:
    for block in re.split(rb"\n[ \t]*\n", content.replace(b"\r\n", b"\n")):
        # Some forget the blank lines: then each recipient begins with this field.
        first, *others = _FINAL_RECIPIENT.split(block)
        yield first + b"".join(others[:1])
        yield from others[1:]


def looks_like_report(text: str) -> bool:
    """Whether `text` has a report's fields in it, though it was not sent as a report."""
    return len({match[0].strip().lower() for match in _FIELD.finditer(text)}) >= 2


def read_report_in_text(text: str) -> Sequence[RecipientStatus]:
    """The same from running text, in which nothing but the fields counts."""
    lines = (line.strip() if _FIELD.match(line) else line for line in text.split("\n"))
    return read_report("\n".join(lines).encode())


def _recipient(block: bytes) -> RecipientStatus | None:
    fields = {name: values[0] for name, values in parse_headers(block).items()}
    action = fields.get("action", "").lower().split()
    status = _STATUS.search(fields.get("status", ""))
    kind, _, diagnostic = fields.get("diagnostic-code", "").partition(";")
    if not diagnostic:
        kind, diagnostic = "", kind
    if not (action or status or diagnostic):
        return None  # the fields of the whole message, or nothing
    named = fields.get("original-recipient", "") or fields.get("final-recipient", "")
    address = _ADDRESS.search(named)
    return RecipientStatus(
        recipient=storable_line(address[0].lower()) if address else "",
        action=_ACTIONS.get(re.sub(r"\W", "", action[0]) if action else "", ""),
        status=status[1] if status else "",
        status_comment=_STATUS.sub("", fields.get("status", ""))[:300],
        diagnostic=storable_line(diagnostic, 1000),
        diagnostic_type=kind.strip().lower()[:40],
    )
