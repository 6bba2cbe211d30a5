"""The addresses that mail comes back to, and the touch that each one names (`cadenza.links`)."""

from dataclasses import dataclass
from enum import StrEnum

from cadenza.errors import InvalidToken
from cadenza.links import LinkSigner
from cadenza.model import TouchId


class Box(StrEnum):
    """What an address is for; the value is the purpose that its token was signed for."""

    REPLY = "reply"
    BOUNCE = "bounce"
    UNSUBSCRIBE = "unsubscribe"


_BY_PREFIX = {"r": Box.REPLY, "b": Box.BOUNCE, "u": Box.UNSUBSCRIBE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """A verified address of ours."""

    box: Box
    touch_id: TouchId


def verified_recipient(address: str, signer: LinkSigner) -> Recipient | None:
    """What `address` (`r.TOKEN@…`, in any case) names; None if it was not made here."""
    local = address.strip().strip("<>").rpartition("@")[0].lower()
    prefix, dot, token = local.partition(".")
    box = _BY_PREFIX.get(prefix)
    if box is None or not dot or not token.isascii():
        return None
    try:
        return Recipient(box=box, touch_id=signer.read(box.value, token))
    except InvalidToken:
        return None


def domain_of(address: str) -> str:
    """The domain in lower case, without a trailing dot."""
    return address.strip().strip("<>").rpartition("@")[2].lower().rstrip(".")
