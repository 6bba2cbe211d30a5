"""Why a mail was not delivered: is the address at fault for good (hard), or anything else (soft)?

A hard bounce suppresses the address, so it takes positive evidence that
the mailbox or its host does not exist. A full mailbox, a policy, a
blocklist, a time-out and whatever cannot be told are soft. Servers'
words count first, because many send `5.1.1` for everything or `5.0.0` for
an unknown user; then the enhanced status code (RFC 3463), then the
reply code (RFC 5321 §4.2.3).
"""

import re
from dataclasses import dataclass

from events.mailbox.diagnosis_words import PHRASES, Reason
from events.mailbox.phrases import any_of

_HARD = frozenset((Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.NO_MAIL_HERE, Reason.MOVED))


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """status: enhanced code or empty. code: three-digit reply or empty."""

    reason: Reason
    status: str = ""
    code: str = ""

    @property
    def is_hard(self) -> bool:
        """Whether the address will never work."""
        return self.reason in _HARD


# RFC 3463 §3.2 to §3.8 and the IANA registry of enhanced status codes.
_BY_STATUS: tuple[tuple[str, Reason], ...] = (
    ("1.0", Reason.USER_UNKNOWN),
    ("1.10", Reason.NO_MAIL_HERE),
    ("1.1", Reason.USER_UNKNOWN),
    ("1.2", Reason.HOST_UNKNOWN),
    ("1.3", Reason.USER_UNKNOWN),
    ("1.6", Reason.MOVED),
    ("1.7", Reason.SENDER_REFUSED),
    ("1.8", Reason.SENDER_REFUSED),
    ("2.1", Reason.MAILBOX_DISABLED),
    ("2.2", Reason.MAILBOX_FULL),
    ("2.3", Reason.TOO_LARGE),
    ("2", Reason.UNDETERMINED),
    ("3.4", Reason.TOO_LARGE),
    ("3", Reason.SYSTEM),
    ("4.310", Reason.HOST_UNKNOWN),
    ("4.4", Reason.HOST_UNKNOWN),
    ("4.7", Reason.EXPIRED),
    ("4", Reason.NETWORK),
    ("6", Reason.CONTENT),
    ("7.13", Reason.MAILBOX_DISABLED),
    ("7.26", Reason.AUTHENTICATION),
    ("7", Reason.POLICY),
)
# RFC 5321 §4.2.3, RFC 7504 §4. The others say too little.
_BY_CODE = {"521": Reason.NO_MAIL_HERE, "551": Reason.MOVED, "556": Reason.NO_MAIL_HERE}
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.\-#])([45]\d\d)(?=[ \-:;,]|$)")
_AFTER_DATA = any_of(
    r"""
    in reply to (?:the )?end of data
    after (?:end of data|data\b)
    >>> data\s+<<< 5
    text command
    transmission failure
    after i sent the message
    smtp command data
    """
)
# A pipelined RCPT's refusal is read after DATA was sent; then DATA is refused for want of one.
_AFTER_RCPT = any_of(
    r"""
    in reply to rcpt
    after rcpt
    >>> rcpt
    \[rcpt_to\]
    our rcpt
    does not like recipient
    smtp:rcpt
    rcpt to respon
    need rcpt
    no valid recipients
    rcpt commands? (?:were rejected|must precede)
    """
)
_NO_ACCOUNT = re.compile(r"does(?: not|n'?t) have (?:a|an) \S{1,60} account", re.IGNORECASE)
_BARE_CODE = re.compile(r"\b5\d\d\b(?![^@]{0,60}@)")
_QUOTED_ADDRESS = re.compile(r"<?[^\s<>@]{1,128}@([^\s<>:;,]{1,200})>?")
_URL = re.compile(r"https?://([\w.-]{1,200})\S*", re.IGNORECASE)


def diagnose(words: str, *, status: str = "", circumstances: str = "") -> Diagnosis:
    """What `words` (the server's, else the report's) and `status` (the report's) say.

    circumstances: the readable part of the report, for what the words
    leave open. Pure; each expression is linear in what it reads.
    """
    words = words[:4_000]
    in_words = _STATUS.search(words)
    stated = in_words[1] if in_words else status
    if in_words and stated.endswith(".0.0") and status and not status.endswith(".0.0"):
        stated = status
    code = _CODE.search(words)
    found = Diagnosis(
        reason=_reason(words, stated, circumstances[:8_000]),
        status=stated,
        code=code[1] if code else "",
    )
    if found.reason in (Reason.UNDETERMINED, Reason.SYSTEM) and found.code in _BY_CODE:
        return Diagnosis(reason=_BY_CODE[found.code], status=stated, code=found.code)
    return found


def _reason(words: str, status: str, circumstances: str) -> Reason:
    said = _said(words)
    reason = _by_words(said)
    if reason is None:
        reason = _by_status(status)
    if reason is Reason.USER_UNKNOWN and _address_is_in_doubt(words, status, circumstances):
        return Reason.USER_DOUBTED
    if reason in (Reason.HOST_UNKNOWN, Reason.NO_MAIL_HERE) and status.startswith("4"):
        return Reason.NETWORK  # a name server's answer that may change
    if reason is Reason.MAILBOX_DISABLED and status.endswith(".1.1"):
        return Reason.USER_UNKNOWN
    return reason


def _said(words: str) -> str:
    """Words only: what addresses and the paths of links happen to spell must not count."""
    return _QUOTED_ADDRESS.sub("@", _URL.sub(r"\1", words))


def _by_words(said: str) -> Reason | None:
    return next((reason for reason, words in PHRASES if words.search(said)), None)


def _by_status(status: str) -> Reason:
    subject = status.partition(".")[2]
    if status.startswith("5") and subject:
        for prefix, reason in _BY_STATUS:
            if subject == prefix or subject.startswith(prefix + "."):
                return reason
    return Reason.UNDETERMINED


def _address_is_in_doubt(words: str, status: str, circumstances: str) -> bool:
    """Whether "user unknown" may have been said of the message, or of a mailbox that exists.

    5.1.x says in so many words that it is the address, and so does a
    refusal of RCPT. A server that has accepted RCPT and refuses after DATA
    judged more than the address; 5.2.x and 5.3.x say that mailbox or
    system are at fault; and a bare `550` that names nobody says nothing.
    """
    text = f"{words}\n{circumstances}"
    if status.startswith(("5.1.", "4.1.")) or _AFTER_RCPT.search(text) or _NO_ACCOUNT.search(words):
        return False
    if _AFTER_DATA.search(text) or status.startswith(("5.2.", "5.3.")):
        return True
    return status in ("", "5.0.0") and _BARE_CODE.search(words) is not None
