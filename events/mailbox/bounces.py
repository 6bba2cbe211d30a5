"""Recognises bounces and complaints, by the book (RFC 3464, RFC 5965) or by their looks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from enum import StrEnum

import flufl.bounce

from events.mailbox.delivery_status import (
    RecipientStatus,
    looks_like_report,
    read_report,
    read_report_in_text,
)
from events.mailbox.diagnosis import Diagnosis, Reason, diagnose
from events.mailbox.mail import Mail
from events.text import storable_line


class Fate(StrEnum):
    """What a report says about the mail that it is about."""

    HARD = "hard"
    SOFT = "soft"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    FORWARDED = "forwarded"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounce:
    """One report. diagnosis: of the recipient that decided. recipient: lower-cased or empty."""

    fate: Fate
    diagnosis: Diagnosis
    recipient: str = ""
    detail: str = ""


_FATES = {
    "delayed": Fate.DELAYED,
    "delivered": Fate.DELIVERED,
    "relayed": Fate.FORWARDED,
    "expanded": Fate.FORWARDED,
}
_BY_WEIGHT = (Fate.HARD, Fate.SOFT, Fate.DELAYED, Fate.DELIVERED, Fate.FORWARDED)

_DAEMON = re.compile(r"(?:mailer|mail|mdaemon)-?_?daemon|mdaemon|post_?master|mail\.delivery", re.I)
_DAEMON_NAME = re.compile(
    r"mail deliver(?:y|er)? ?(?:sub)?system|delivery (?:sub)?system|system administrator"
    r"|mailer.daemon|postmaster|courrier|mail system|content-filter",
    re.I,
)
_SUBJECT = re.compile(
    r"""undeliver(?:able|ed)|delivery (?:status|report|failure|notification|has failed|problem)
    |returned (?:e?mail|to sender|message)|returning message|(?:mail|message|delivery) (?:delivery )?
    (?:failed|failure|has failed|delayed|error|could\ not)|failure notice|failure delivery
    |could not be delivered|delayed mail|not delivered|non.?remis|unzustellbar|nicht zugestellt
    |no se pudo entregar|rifiutat|mancato recapito|onbestelbaar|n[ãa]o entregue|warning: (?:could not
    |message)|error sending your mail|cannot send message|loop alert|email bounce|postmaster notify
    |mail system error|nondeliver|non-deliver|undelivery|mail returned""".replace("\n    ", ""),
    re.I,
)
_BODY = re.compile(
    r"""(?:could ?n[o']t|cannot|not|unable to|failed to|wasn't able to) be(?:en)? delivered
    |(?:could not|couldn't|unable to|not able to|cannot|failed to|wasn't able to) deliver
    |did not reach the following|had (?:permanent fatal|delivery) (?:errors?|problems)
    |delivery to the following recipients? (?:failed|has been delayed)|transcript of session
    |recipients? (?:returned|failed)|error (?:has occurred )?while attempting to deliver
    |returned message below|mail delivery software|undeliverable to|was not delivered to
    |exceeds allowed size|failure reasons|message is delayed|delivery failed|delivery error
    |this is the (?:qmail|postfix|mailer-daemon|mail system)|deliver(?:y|ing) your mail"""
    .replace("\n    ", ""),
    re.I,
)  # fmt: skip
_DELAY = re.compile(
    r"""delayed|still being retried|will (?:be retried|keep trying|retry|continue to (?:try|be))
    |warning message only|do not need to re-?send|not yet been delivered|warning: could not
    |delivery attempts? will continue|temporary failure report""".replace("\n    ", ""),
    re.I,
)
_GIVEN_UP = re.compile(r"given up|giving up|permanent|not going to try again|returned to sender", re.I)
# Where the original begins in a report that is one text.
_ORIGINAL = re.compile(
    r"""^[ \t>*-]*(?:below this line is a copy|(?:this is|below is|included is) a copy of
    |(?:the )?(?:header of the )?original message (?:is |headers? )?follow|original message\b
    |message headers? follow|(?:unsent|returned|undelivered) (?:message|mail) (?:follows|below|-)
    |the header of the original|original mail as follows|forwarded message).*$
    |^(?:received: (?:from|by|\()|return-path: |from \S+@\S+ +\w{3} \w{3})"""
    .replace("\n    ", ""),
    re.I | re.M,
)  # fmt: skip
_SMTP_ERROR = re.compile(r"(?<![\d.])(?:[45]\d\d[ \-]|[45]\.\d\.\d{1,3}\b)")
_MAX_EXTERNAL_BYTES = 64 * 1024


def find_bounce(mail: Mail, *, null_sender: bool) -> Bounce | None:
    """The report that `mail` is; None if it is none.

    null_sender: the envelope had the empty sender, as RFC 5321 §4.5.5 wants for reports.
    """
    statuses = _reported(mail)
    if statuses:
        return _weightiest(mail, statuses)
    if not _looks_like_bounce(mail, null_sender=null_sender):
        return None
    notice = notice_text(mail)
    if looks_like_report(notice):
        in_text = read_report_in_text(notice)
        if in_text:
            return _weightiest(mail, in_text)
    diagnosis = diagnose(_error_lines(notice), circumstances=notice)
    fate = Fate.HARD if diagnosis.is_hard else Fate.SOFT
    if fate is Fate.SOFT and _DELAY.search(f"{mail.subject}\n{notice}") and not (
        _GIVEN_UP.search(notice)
    ):
        fate = Fate.DELAYED
    return Bounce(
        fate=fate,
        diagnosis=diagnosis,
        recipient=_recipient(mail),
        detail=storable_line(_error_lines(notice)),
    )
