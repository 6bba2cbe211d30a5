"""The server's side of SMTP AUTH (RFC 4954): PLAIN (RFC 4616) and the older LOGIN."""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping

MALFORMED = "501 5.5.2 Malformed authentication"


class SaslExchange:
    """One attempt to authenticate.

    Each call of `begin` or `answer` gives the line to send. The attempt goes on while `is_open`;
    when it has ended well, `user` is set.
    """

    def __init__(self, accounts: Mapping[str, str]) -> None:
        self._accounts = accounts
        self._next: Callable[[bytes], str] | None = None
        self._claimed = ""
        self.user: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the client owes an answer."""
        return self._next is not None

    def begin(self, mechanism: str, initial: str) -> str:
        """Start with the mechanism's name and the initial response, if the client sent one."""
        if mechanism.upper() == "PLAIN":
            step, challenge = self._plain, "334 "
        elif mechanism.upper() == "LOGIN":
            step, challenge = self._login_user, "334 VXNlcm5hbWU6"
        else:
            return "504 5.5.4 Mechanism not supported"
        if initial:
            return step(initial.encode())
        self._next = step
        return challenge

    def answer(self, line: bytes) -> str:
        """Go on with the client's answer to the last challenge."""
        step, self._next = self._next, None
        return MALFORMED if step is None or line == b"*" else step(line)

    def _plain(self, line: bytes) -> str:
        fields = _from_base64(line).split("\0")
        return self._log_in(fields[1], fields[2]) if len(fields) == 3 else MALFORMED

    def _login_user(self, line: bytes) -> str:
        self._claimed = _from_base64(line)
        if not self._claimed:
            return MALFORMED
        self._next = self._login_password
        return "334 UGFzc3dvcmQ6"

    def _login_password(self, line: bytes) -> str:
        return self._log_in(self._claimed, _from_base64(line))

    def _log_in(self, user: str, password: str) -> str:
        expected = self._accounts.get(user)
        if expected is None or not hmac.compare_digest(expected.encode(), password.encode()):
            return "535 5.7.8 Authentication credentials invalid"
        self.user = user
        return "235 2.7.0 Authentication successful"


def _from_base64(line: bytes) -> str:
    try:
        return base64.b64decode(line, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
