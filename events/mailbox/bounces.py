"""Reads bounces: by the book (RFC 3464) where they are, else by their looks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum
from itertools import islice

import flufl.bounce

from events.mailbox.bounce_looks import error_statements, is_warning, looks_like_bounce, notice_text
from events.mailbox.delivery_status import (
    RecipientStatus,
    looks_like_report,
    read_report,
    read_report_in_text,
)
from events.mailbox.diagnosis import Diagnosis, diagnose
from events.mailbox.mail import Mail, first_address
from events.mailbox.mime import Part
from events.text import storable_line

# Reading one statement takes milliseconds, and a mail may hold thousands of them.
_MOST_STATUSES = 20
_MOST_STATEMENTS = 20

_REPORT_TYPES = ("message/delivery-status", "message/global-delivery-status")


class Fate(StrEnum):
    """What a report says of the mail that it is about; the weightiest first."""

    HARD = "hard"
    SOFT = "soft"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    FORWARDED = "forwarded"


_BY_WEIGHT = list(Fate)
_FATES = {
    "delayed": Fate.DELAYED,
    "delivered": Fate.DELIVERED,
    "relayed": Fate.FORWARDED,
    "expanded": Fate.FORWARDED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounce:
    """One report. recipient: in lower case, or empty. detail: the server's words, one line."""

    fate: Fate
    diagnosis: Diagnosis
    recipient: str = ""
    detail: str = ""


def find_bounce(mail: Mail, *, null_sender: bool) -> Bounce | None:
    """The report that `mail` is; None if it is none.

    Of several recipients the worst off decides: a touch has one, and
    others are what its address was expanded to. null_sender: the
    envelope's sender was empty, as RFC 5321 §4.5.5 wants it for reports.
    """
    statuses = _reported(mail.parts)
    if not statuses:
        if not looks_like_bounce(mail, null_sender=null_sender):
            return None
        # Some gateways attach the report that they got to one of their own.
        statuses = _reported(mail.root.walk()) or _written(notice_text(mail))
    return _of_statuses(mail, statuses) if statuses else _of_looks(mail)


def _reported(parts: Iterable[Part]) -> Sequence[RecipientStatus]:
    found = (
        status
        for part in parts
        if part.content_type in _REPORT_TYPES
        for status in read_report(part.content())
    )
    return list(islice(found, _MOST_STATUSES))


def _written(notice: str) -> Sequence[RecipientStatus]:
    return read_report_in_text(notice) if looks_like_report(notice) else ()


def _of_statuses(mail: Mail, statuses: Sequence[RecipientStatus]) -> Bounce:
    notice = notice_text(mail)
    most = max(1, _MOST_STATEMENTS // len(statuses))
    bounces = [_of_status(status, notice, most) for status in statuses]
    return min(bounces, key=lambda bounce: _BY_WEIGHT.index(bounce.fate))


def _of_status(status: RecipientStatus, notice: str, most_statements: int) -> Bounce:
    if status.diagnostic:
        words = f"{status.diagnostic} {status.status_comment}"
        diagnosis = diagnose(words, status=status.status, circumstances=notice)
    else:
        words, diagnosis = _worst_statement(notice, status, most_statements)
    fate = _FATES.get(status.action)
    if fate is None and status.status.startswith("2"):
        fate = Fate.DELIVERED
    if fate is None:
        fate = Fate.HARD if diagnosis.is_hard else Fate.SOFT
    return Bounce(
        fate=fate,
        diagnosis=diagnosis,
        recipient=status.recipient,
        detail=storable_line(status.diagnostic or words),
    )


def _worst_statement(
    notice: str, status: RecipientStatus, most: int = _MOST_STATEMENTS
) -> tuple[str, Diagnosis]:
    """What the readable part says, in which each statement may be about another recipient."""
    found = [
        (words, diagnose(f"{words} {status.status_comment}", status=status.status))
        for words in error_statements(notice)[:most]
    ]
    return next((one for one in found if one[1].is_hard), found[0])


def _of_looks(mail: Mail) -> Bounce:
    notice = notice_text(mail)
    words, diagnosis = _worst_statement(notice, RecipientStatus())
    fate = Fate.HARD if diagnosis.is_hard else Fate.SOFT
    if fate is Fate.SOFT and is_warning(mail):
        fate = Fate.DELAYED
    return Bounce(
        fate=fate,
        diagnosis=diagnosis,
        recipient=first_address(mail.header("x-failed-recipients")) or _recipient(mail, notice),
        detail=storable_line(words),
    )


def _recipient(mail: Mail, notice: str) -> str:
    """Who it was for, as the formats of many mailers say it (flufl.bounce)."""
    # The notice as one plain part: the library then has neither nested parts to get lost in nor
    # more than this to read.
    message = Message()
    message["From"] = mail.sender or "unknown@invalid"
    message["Subject"] = mail.subject
    message.set_payload(notice[:16_384].encode("ascii", "replace").decode())
    try:
        temporary, permanent = flufl.bounce.all_failures(message)
    except Exception:  # noqa: BLE001 - its detectors were not written for hostile text
        return ""
    found = sorted(permanent or temporary)
    return storable_line(found[0].decode("utf-8", "replace").lower()) if found else ""
