"""What Unipile's problem documents mean for a touch.

Their `type` is "errors/…": https://developer.unipile.com/reference (each
method lists them). Texts are not quoted: they may name people.
"""

from datetime import timedelta

from cadenza.errors import AmbiguousSendError, PermanentSendError, SendError, TransientSendError
from senders.http import Answer
from senders.settings import account_trouble

_DAY = timedelta(days=1)
_LIMIT_RETRY = timedelta(minutes=15)
_RETRY = timedelta(minutes=5)

# `cannot_resend_yet` means that the network throttles this account, not that
# this person was invited before.
_LIMITS = frozenset(
    {
        "cannot_resend_yet",
        "cannot_resend_within_24hrs",
        "limit_exceeded",
        "connection_limit_reached",
        "insufficient_credits",
    }
)
_ACCOUNT_TROUBLE = frozenset(
    {
        "invalid_account",
        "account_configuration_error",
        "feature_not_implemented",
        "unauthorized",
    }
)
_NO_SUCH_PERSON = frozenset(
    {"invalid_recipient", "invalid_resource_identifier", "resource_not_found"}
)
_NOT_NOW = frozenset({"provider_unreachable", "realtime_client_not_initialized"})
# With one of these Unipile itself says that it did not get as far as the network.
_NOT_REACHED = frozenset(
    {"no_client_session", "no_channel", "no_handler", "network_down", "service_unavailable"}
)


def refusal(answer: Answer, *, changes_something: bool) -> SendError:
    """The error for an answer that is no success.

    changes_something: False for a look-up, of which nothing can be left half done.
    """
    kind = answer.text("type").removeprefix("errors/")
    kind = kind if kind.replace("_", "").isalnum() and len(kind) < 64 else ""
    code = kind or str(answer.status)
    if kind in _LIMITS:
        return TransientSendError(
            f"the profile's limit on the network is reached ({code})", code=code, retry_after=_DAY
        )
    if answer.status == 429:
        return TransientSendError(
            f"Unipile asks to wait ({code})",
            code=code,
            retry_after=answer.retry_after or _LIMIT_RETRY,
        )
    if kind in _NOT_NOW or (
        answer.status >= 500 and (kind in _NOT_REACHED or not changes_something)
    ):
        return TransientSendError(
            f"Unipile cannot do it now ({code})",
            code=code,
            retry_after=answer.retry_after or _RETRY,
        )
    if answer.status in (401, 403) or answer.status < 400 or kind in _ACCOUNT_TROUBLE:
        return account_trouble(
            f"Unipile refused the account ({code}): check api_key, and the connected profile "
            f"in Unipile's dashboard",
            code=code,
        )
    if answer.status >= 500:
        return AmbiguousSendError(f"Unipile did not say whether it was done ({code})", code=code)
    return _about_person(answer, kind, code)


def _about_person(answer: Answer, kind: str, code: str) -> SendError:
    if (
        answer.status == 404
        and "account" in f"{answer.text('title')} {answer.text('detail')}".lower()
    ):
        # The same 404 stands for "Account not found".
        return account_trouble(
            f"Unipile does not know the account ({code}): check address and api_base", code=code
        )
    if answer.status == 404 and not kind:
        return account_trouble(f"Unipile has no such method ({code}): check api_base", code=code)
    return PermanentSendError(
        f"Unipile refused the touch ({code})", code=code, recipient_invalid=kind in _NO_SUCH_PERSON
    )
