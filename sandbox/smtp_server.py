"""The mail server at the end of every mail: relay for Cadenza's accounts, exchanger for the rest.

An `asyncio.Protocol` of its own because a whole outside world shares two cores with the product:
a stream-based server costs several times as much per mail. RFC 5321 with PIPELINING (2920), SIZE
(1870), 8BITMIME (6152), SMTPUTF8 (6531), STARTTLS (3207), AUTH (4954). Bare LF and bare CR are
refused, as careful servers do since the smuggling attacks of 2023.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from sandbox.activity import Activity, Faults
from sandbox.postmaster import Envelope, Postmaster
from sandbox.settings import SmtpSettings
from sandbox.smtp_auth import SaslExchange
from sandbox.smtp_framing import Framer, FramingError, has_bare_line_ends
from sandbox.smtp_paths import PathError, parse_recipient, parse_sender

MOST_RECIPIENTS = 100
MOST_BAD_COMMANDS = 20


class SmtpConnection(asyncio.Protocol):
    """One SMTP session."""

    def __init__(
        self,
        settings: SmtpSettings,
        tls: ssl.SSLContext | None,
        postmaster: Postmaster,
        activity: Activity,
        faults: Faults,
    ) -> None:
        self._settings = settings
        self._tls = tls
        self._postmaster = postmaster
        self._activity = activity
        self._faults = faults
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Transport | None = None
        self._framer = Framer()
        self._answers: list[str] = []
        self._greeted = False
        self._encrypted = False
        self._user = ""
        self._sasl: SaslExchange | None = None
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._reading_data = False
        self._held = False
        self._bad_commands = 0
        self._upgrade: asyncio.Task[None] | None = None

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = self._opened = cast(asyncio.Transport, transport)
        self._activity.connections.add(self._opened)
        self._answers.append(f"220 {self._settings.hostname} ESMTP ready")
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget an unfinished mail."""
        self._reset()
        self._transport = None
        if self._opened is not None:
            self._activity.connections.discard(self._opened)

    def data_received(self, data: bytes) -> None:
        """Work through what has come in, and answer all of it in one write."""
        self._framer.feed(data)
        self._work()

    def eof_received(self) -> bool:
        """Close when the client has closed its half."""
        return False

    # The session

    def _work(self) -> None:
        try:
            while self._transport is not None and not self._held and len(self._framer):
                if not self._take_next():
                    break
        except FramingError as error:
            self._close(error.answer)
        self._send()

    def _take_next(self) -> bool:
        if self._reading_data:
            content = self._framer.next_content(self._settings.size_limit_bytes)
            if content is not None:
                self._end_of_data(content)
            return content is not None
        line = self._framer.next_command()
        if line is not None:
            self._command(line)
        return line is not None

    def _send(self) -> None:
        if self._answers and self._transport is not None:
            self._transport.write(("\r\n".join(self._answers) + "\r\n").encode())
        self._answers.clear()

    def _close(self, answer: str | None = None) -> None:
        if answer is not None:
            self._answers.append(answer)
        self._send()
        self._framer.clear()
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        self._reset()

    def _abort(self) -> None:
        """Hang up without another word, as a dying server would."""
        self._answers.clear()
        self._framer.clear()
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        self._reset()

    def _reset(self) -> None:
        if self._recipients:
            self._activity.in_progress -= 1
        self._sender = None
        self._recipients = []
        self._reading_data = False

    # Commands

    def _command(self, line: bytes) -> None:
        if self._sasl is not None:
            self._authenticate(self._sasl, self._sasl.answer(line))
            return
        verb, _, rest = line.partition(b" ")
        try:
            argument = rest.decode()
        except UnicodeDecodeError:
            self._complain("500 5.5.2 Not UTF-8")
            return
        command = _COMMANDS.get(verb.upper())
        if command is None:
            self._complain("500 5.5.1 Command not recognised")
        else:
            command(self, argument)

    def _complain(self, answer: str) -> None:
        self._bad_commands += 1
        if self._bad_commands > MOST_BAD_COMMANDS:
            self._close("421 4.7.0 Too many errors")
        else:
            self._answers.append(answer)

    def _helo(self, argument: str) -> None:
        if not argument.strip():
            self._complain("501 5.5.4 Syntax: HELO hostname")
            return
        self._reset()
        self._greeted = True
        self._answers.append(f"250 {self._settings.hostname}")

    def _ehlo(self, argument: str) -> None:
        if not argument.strip():
            self._complain("501 5.5.4 Syntax: EHLO hostname")
            return
        self._reset()
        self._greeted = True
        features = ["PIPELINING", f"SIZE {self._settings.size_limit_bytes}"]
        if self._tls is not None and not self._encrypted:
            features.append("STARTTLS")
        if self._may_authenticate():
            features.append("AUTH PLAIN LOGIN")
        features += ["ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8"]
        lines = [self._settings.hostname, *features]
        self._answers += [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]

    def _may_authenticate(self) -> bool:
        return bool(self._settings.accounts) and (self._tls is None or self._encrypted)

    def _starttls(self, argument: str) -> None:
        if self._tls is None or self._encrypted:
            self._complain("502 5.5.1 STARTTLS not available")
        elif argument.strip():
            self._complain("501 5.5.4 STARTTLS takes no parameters")
        else:
            # Whatever the client piped behind STARTTLS was not protected: it is thrown away
            # (RFC 3207, 4.2 and the injection attacks of 2011).
            self._framer.clear()
            self._answers.append("220 2.0.0 Ready to start TLS")
            self._send()
            self._held = True
            if self._transport is not None:
                self._transport.pause_reading()
            self._upgrade = asyncio.ensure_future(self._encrypt(self._tls))

    async def _encrypt(self, tls: ssl.SSLContext) -> None:
        if self._transport is None:
            return
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(
                self._transport, self, tls, server_side=True, ssl_handshake_timeout=20
            )
        except (OSError, ssl.SSLError):
            self._abort()
            return
        self._transport = transport
        self._encrypted = True
        self._greeted = False
        self._user = ""
        self._held = False
        self._reset()
        self._work()

    def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.strip().partition(" ")
        if not self._settings.accounts:
            self._complain("502 5.5.1 AUTH not available")
        elif not self._may_authenticate():
            self._complain("538 5.7.11 Encryption required")
        elif self._user:
            self._complain("503 5.5.1 Already authenticated")
        else:
            self._sasl = SaslExchange(self._settings.accounts)
            self._authenticate(self._sasl, self._sasl.begin(mechanism, initial))

    def _authenticate(self, sasl: SaslExchange, answer: str) -> None:
        self._answers.append(answer)
        if not sasl.is_open:
            self._user = sasl.user or ""
            self._sasl = None

    def _mail(self, argument: str) -> None:
        if not self._greeted:
            self._complain("503 5.5.1 Say EHLO first")
        elif self._settings.accounts and not self._user:
            self._complain("530 5.7.0 Authentication required")
        elif self._sender is not None:
            self._complain("503 5.5.1 A mail is already under way")
        else:
            self._begin_mail(argument)

    def _begin_mail(self, argument: str) -> None:
        try:
            self._sender = parse_sender(argument, self._settings.size_limit_bytes)
        except PathError as error:
            self._complain(error.answer)
            return
        self._answers.append("250 2.1.0 Sender ok")

    def _rcpt(self, argument: str) -> None:
        if self._sender is None:
            self._complain("503 5.5.1 Say MAIL first")
            return
        try:
            recipient = parse_recipient(argument)
        except PathError as error:
            self._complain(error.answer)
            return
        if len(self._recipients) >= MOST_RECIPIENTS:
            self._answers.append("452 4.5.3 Too many recipients")
            return
        refusal = self._postmaster.refuse_recipient(self._user, self._sender, recipient)
        if refusal is None:
            # Under way from here on: a client may leave a mail that nobody is to
            # get unfinished until it has another one.
            self._activity.in_progress += not self._recipients
            self._recipients.append(recipient)
        self._answers.append(refusal or "250 2.1.5 Recipient ok")

    def _data(self, argument: str) -> None:
        if argument.strip():
            self._complain("501 5.5.4 Syntax: DATA")
        elif not self._recipients:
            self._complain("503 5.5.1 No valid recipients")
        elif self._faults.smtp.close_before_354:
            self._faults.smtp.close_before_354 -= 1
            self._abort()
        else:
            self._reading_data = True
            self._answers.append("354 End data with <CR><LF>.<CR><LF>")

    def _rset(self, argument: str) -> None:  # noqa: ARG002
        self._reset()
        self._answers.append("250 2.0.0 Ok")

    def _noop(self, argument: str) -> None:  # noqa: ARG002
        self._answers.append("250 2.0.0 Ok")

    def _vrfy(self, argument: str) -> None:  # noqa: ARG002
        self._answers.append("252 2.5.2 Cannot verify, but will take mail")

    def _quit(self, argument: str) -> None:  # noqa: ARG002
        self._close("221 2.0.0 Bye")

    # Content

    def _end_of_data(self, data: bytes) -> None:
        envelope = Envelope(self._user, self._sender or "", tuple(self._recipients), data)
        faults = self._faults.smtp
        if has_bare_line_ends(data):
            self._postmaster.refuse(envelope, _BARE)
            self._close(_BARE)
        elif len(data) > self._settings.size_limit_bytes:
            self._finish(envelope, "552 5.3.4 Message too big")
        elif faults.reply_4xx_at_data:
            faults.reply_4xx_at_data -= 1
            self._finish(envelope, "451 4.3.0 Try again later")
        elif faults.accept_then_drop:
            faults.accept_then_drop -= 1
            self._postmaster.take(envelope, note="answer dropped")
            self._abort()
        else:
            self._postmaster.take(envelope, note=None)
            self._finish(None, "250 2.0.0 Ok: queued")

    def _finish(self, refused: Envelope | None, answer: str) -> None:
        if refused is not None:
            self._postmaster.refuse(refused, answer)
        if self._faults.smtp.delay_ms:
            self._held = True
            seconds = self._faults.smtp.delay_ms / 1000
            asyncio.get_running_loop().call_later(seconds, self._answer_late, answer)
        else:
            self._reset()
            self._answers.append(answer)

    def _answer_late(self, answer: str) -> None:
        self._held = False
        self._reset()
        self._answers.append(answer)
        self._work()


_BARE = "550 5.5.2 Error: bare <LF> or <CR> received"

_COMMANDS: dict[bytes, Callable[[SmtpConnection, str], None]] = {
    b"HELO": SmtpConnection._helo,
    b"EHLO": SmtpConnection._ehlo,
    b"STARTTLS": SmtpConnection._starttls,
    b"AUTH": SmtpConnection._auth,
    b"MAIL": SmtpConnection._mail,
    b"RCPT": SmtpConnection._rcpt,
    b"DATA": SmtpConnection._data,
    b"RSET": SmtpConnection._rset,
    b"NOOP": SmtpConnection._noop,
    b"VRFY": SmtpConnection._vrfy,
    b"QUIT": SmtpConnection._quit,
}


def server_tls(settings: SmtpSettings) -> ssl.SSLContext | None:
    """Return the TLS context of the settings, or None when they name no certificate.

    Raises OSError or ssl.SSLError when the files cannot be used.
    """
    if settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context
