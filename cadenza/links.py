"""Tokens that prospects carry: in links, pixels, reply and bounce addresses.

A token is base32 (lower case, so that it survives a local part that some
server lower-cased) of the touch number, 8 bytes, and a 9-byte keyed
BLAKE2s code over purpose, number and, for clicks, the target URL. So a
token opens exactly one door, and the click redirect goes only where a
template of ours pointed.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from cadenza.errors import InvalidToken
from cadenza.model import TouchId

_NUMBER_BYTES = 8
_CODE_BYTES = 9
_TOKEN_LENGTH = 28


class LinkSigner:
    """Makes and checks tokens. keys: newest first; all verify, the first signs (rotation)."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("at least one signing key is needed")
        # BLAKE2s keys are at most 32 bytes; hashing makes any secret fit.
        self._keys = [hashlib.blake2s(key).digest() for key in keys]

    def token(self, purpose: str, touch_id: TouchId, extra: str = "") -> str:
        """28 characters of [a-z2-7] that name `touch_id` for `purpose`."""
        number = touch_id.to_bytes(_NUMBER_BYTES, "big")
        code = _code(self._keys[0], purpose, number, extra)
        return base64.b32encode(number + code).decode().rstrip("=").lower()

    def read(self, purpose: str, token: str, extra: str = "") -> TouchId:
        """The touch that `token` names. Raises InvalidToken."""
        if len(token) != _TOKEN_LENGTH:
            raise InvalidToken("a token has 28 characters")
        try:
            raw = base64.b32decode(token.upper() + "====")
        except (binascii.Error, ValueError) as error:
            raise InvalidToken("a token is base32") from error
        number, code = raw[:_NUMBER_BYTES], raw[_NUMBER_BYTES:]
        for key in self._keys:
            if hmac.compare_digest(code, _code(key, purpose, number, extra)):
                return TouchId(int.from_bytes(number, "big"))
        raise InvalidToken("the token was not made here")


def _code(key: bytes, purpose: str, number: bytes, extra: str) -> bytes:
    message = b"\0".join((purpose.encode(), number, extra.encode()))
    return hashlib.blake2s(message, key=key, digest_size=_CODE_BYTES).digest()


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where prospects' clients come back to.

    public_url: base of the gateway, no trailing slash. mail_domain: the
    domain whose mail reaches the mailbox reader.
    """

    signer: LinkSigner
    public_url: str
    mail_domain: str

    def pixel(self, touch_id: TouchId) -> str:
        """URL of the open pixel."""
        return f"{self.public_url}/o/{self.signer.token('open', touch_id)}.gif"

    def click(self, touch_id: TouchId, target: str) -> str:
        """URL that records a click and redirects to `target`."""
        token = self.signer.token("click", touch_id, target)
        return f"{self.public_url}/c/{token}?u={quote(target, safe='')}"

    def unsubscribe(self, touch_id: TouchId) -> str:
        """URL for RFC 8058: POST acts, GET shows a page."""
        return f"{self.public_url}/u/{self.signer.token('unsubscribe', touch_id)}"

    def sms_status(self, touch_id: TouchId) -> str:
        """URL that the SMS provider reports the fate of a message to."""
        return f"{self.public_url}/webhooks/twilio/status/{self.signer.token('sms', touch_id)}"

    def reply_address(self, touch_id: TouchId) -> str:
        """Address that answers to this touch go to."""
        return f"r.{self.signer.token('reply', touch_id)}@{self.mail_domain}"

    def bounce_address(self, touch_id: TouchId) -> str:
        """Envelope sender (VERP): bounces name their touch by where they arrive."""
        return f"b.{self.signer.token('bounce', touch_id)}@{self.mail_domain}"

    def unsubscribe_address(self, touch_id: TouchId) -> str:
        """Address whose mail unsubscribes (RFC 2369), for clients without RFC 8058."""
        return f"u.{self.signer.token('unsubscribe', touch_id)}@{self.mail_domain}"

    def message_id(self, touch_id: TouchId) -> str:
        """Message-ID with angle brackets: the same for every attempt of one touch."""
        return f"<{self.signer.token('message', touch_id)}@{self.mail_domain}>"
