"""Reads feedback reports (ARF, RFC 5965): a recipient called a mail spam."""

import re

from events.mailbox.mail import Mail
from events.mailbox.mime import parse_headers

# RFC 5965 §7.3, RFC 6430, RFC 6591: the others are about a mail that is fine, or about DMARC.
_NO_COMPLAINTS = frozenset(("not-spam", "auth-failure"))
_JMRP_SUBJECT = re.compile(r"complaint about message from \S+$", re.IGNORECASE)


def find_complaint(mail: Mail) -> str | None:
    """The feedback type (`abuse`, `fraud` …) in lower case; None if `mail` is no such report.

    `not-spam` and `auth-failure` are reports too, but no complaints: see `is_complaint`.
    """
    for part in mail.parts:
        if part.content_type == "message/feedback-report":
            fields = parse_headers(part.content())
            stated = (fields.get("feedback-type") or ("",))[0]
            return stated.strip().lower()[:40] or "abuse"
    # Microsoft's Junk Mail Reporting Program attaches the mail and says no more.
    if _JMRP_SUBJECT.match(mail.subject) and any(
        part.content_type == "message/rfc822" for part in mail.parts
    ):
        return "abuse"
    return None


def is_complaint(feedback_type: str) -> bool:
    """Whether a report of this type says that somebody did not want the mail."""
    return feedback_type not in _NO_COMPLAINTS
