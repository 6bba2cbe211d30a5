"""What a relay's refusal means for a touch: RFC 5321 §4.2 and the enhanced codes of RFC 3463.

Error texts hold the phase and the codes, never the relay's own words:
those quote addresses.
"""

import re
from datetime import timedelta
from enum import Enum

from cadenza.errors import PermanentSendError, SendError, TransientSendError
from senders.email_smtp.connection import Reply
from senders.settings import account_trouble


class Phase(Enum):
    """Where in a transaction a relay refused; the value completes "the relay refused …"."""

    RESET = "the RSET command"
    SENDER = "the sender"
    RECIPIENT = "the recipient"
    DATA = "the DATA command"
    MAIL = "the mail"


_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?=[ \r\n]|$)")

_NO_SUCH_RECIPIENT = frozenset({"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
# Also at RCPT: Postfix holds refusals of client and sender back until then
# (smtpd_delay_reject). 5.7.3, 5.7.57 and 5.7.60 are Exchange's.
_ACCOUNT_TROUBLE = frozenset(
    {"5.1.7", "5.1.8", "5.7.3", "5.7.8", "5.7.9", "5.7.11", "5.7.54", "5.7.57", "5.7.60"}
)
_AUTH_CODES = frozenset({530, 534, 535, 538})  # RFC 4954 §6
_ABOUT_THIS_MAIL = frozenset({"5.2.3", "5.3.4", "5.6.7", "5.6.9"})  # too large, needs SMTPUTF8
_DAILY_QUOTA = "5.4.5"  # Gmail: daily sending limit of the mailbox exceeded
_BAD_SEQUENCE = 503

_CONNECTION_RETRY = timedelta(minutes=1)
_RETRY = timedelta(minutes=5)
_POLICY_RETRY = timedelta(minutes=10)  # greylisting and rates: RFC 6647 §4.5 allows less
_QUOTA_RETRY = timedelta(hours=4)
_FULL_MAILBOX_RETRY = timedelta(hours=6)
_RETRY_BY_ENHANCED = {"4.2.2": _FULL_MAILBOX_RETRY, "4.4.5": _POLICY_RETRY, "4.5.3": _POLICY_RETRY}


def refusal(phase: Phase, reply: Reply) -> SendError:
    """The error for a `reply` that is not what `phase` needs to go on. Nothing has left."""
    found = _ENHANCED.match(reply.text)
    enhanced = found[0].decode("ascii") if found else ""
    code = f"{reply.code} {enhanced}".rstrip()
    detail = f"the relay refused {phase.value} ({code})"
    if _is_account_trouble(phase, reply, enhanced):
        return account_trouble(detail, code=code)
    if enhanced == _DAILY_QUOTA:
        return TransientSendError(
            f"the account's sending limit at its relay is reached ({code})",
            code=code,
            retry_after=_QUOTA_RETRY,
        )
    if reply.code < 500 or reply.code == _BAD_SEQUENCE:
        return TransientSendError(detail, code=code, retry_after=_retry_after(reply, enhanced))
    return PermanentSendError(detail, code=code, recipient_invalid=enhanced in _NO_SUCH_RECIPIENT)


def _is_account_trouble(phase: Phase, reply: Reply, enhanced: str) -> bool:
    if reply.code < 500 or reply.code == _BAD_SEQUENCE:
        return False
    if phase is Phase.SENDER:
        return enhanced not in _ABOUT_THIS_MAIL and reply.code != 552
    # There is no code of its own for "this relay does not relay for you".
    denied = phase is Phase.RECIPIENT and b"relay" in reply.text.lower()
    return denied or reply.code in _AUTH_CODES or enhanced in _ACCOUNT_TROUBLE


def _retry_after(reply: Reply, enhanced: str) -> timedelta:
    if reply.code == 421 or reply.code < 400 or reply.code == _BAD_SEQUENCE:
        return _CONNECTION_RETRY
    if enhanced.startswith("4.7."):
        return _POLICY_RETRY
    return _RETRY_BY_ENHANCED.get(enhanced, _RETRY)
