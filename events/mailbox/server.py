"""Receives mail by SMTP and LMTP: only what is for us, acknowledged only when it is stored."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from cadenza.clock import Clock
from cadenza.errors import ConfigurationError
from cadenza.links import LinkSigner
from cadenza.model import Event
from events.mailbox.interpret import SOURCE, interpret_for
from events.mailbox.mail import Mail
from events.mailbox.mime import MAX_BYTES
from events.mailbox.recipients import domain_of, verified_recipient
from events.recording import EventBatcher, NotRecorded
from monitoring.metrics import IntakeMetrics, Refusal

MAX_MAIL_BYTES = 25 * 1024 * 1024
_MAX_CONNECTIONS = 40
_MAX_RECIPIENTS = 20
_MAX_COMMANDS = {"RCPT": 1_000, "MAIL": 1_000, "DATA": 1_000, "*": 1_000}
_SESSION_SECONDS = 300.0
# RFC 5321 §4.5.3.1.6 allows 1,000, but real mailers send longer lines, and a reply must not be
# refused for that.
_MAX_LINE_BYTES = 64 * 1024
_MAX_LINES = 500_000  # 25 MiB of base64 have 345,000; each takes microseconds

_STORED: Final = "250 2.0.0 stored"
_TRY_LATER: Final = "451 4.3.0 cannot store this now, try again later"
_TOO_LARGE: Final = "552 5.3.4 too large"
_UNKNOWN: Final = "550 5.1.1 no such address here"
_NO_RELAY: Final = "550 5.7.1 we take no mail for other domains"
_TOO_MANY: Final = "452 4.5.3 too many recipients, send again to the others"
_TOO_BUSY: Final = b"421 4.3.2 too many connections, try again later\r\n"

# Both write addresses and contents of mail into their logs.
_TALKATIVE = ("mail.log", "flufl.bounce")

_log = structlog.get_logger(__name__)


class MailboxServer:
    """Listens on one port for SMTP and LMTP alike; which of them it is, the greeting says.

    A recipient is taken if its domain is `mail_domain` and its token was
    made here; `250` after the body means that the events in the mail are
    durable, `451` that the sender must try again. port 0: any free one.
    """

    def __init__(
        self,
        batcher: EventBatcher,
        signer: LinkSigner,
        clock: Clock,
        metrics: IntakeMetrics,
        *,
        mail_domain: str,
        host: str,
        port: int,
        max_mail_bytes: int = MAX_MAIL_BYTES,
        max_connections: int = _MAX_CONNECTIONS,
    ) -> None:
        self._batcher = batcher
        self._handler = _Handler(batcher, signer, clock, metrics, mail_domain=mail_domain)
        self._mail_domain = mail_domain
        self._host = host
        self._port = port
        self._max_mail_bytes = max_mail_bytes
        self._max_connections = max_connections
        self._connections: dict[_Connection, None] = {}  # the oldest first
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it really listens. Only between `start` and `stop`."""
        if self._server is None:
            raise RuntimeError("the mailbox server is not running")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen. Raises ConfigurationError if the address cannot be listened on."""
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                self._connection, self._host, self._port, family=socket.AF_UNSPEC
            )
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self._host} port {self._port}: {error.strerror}; "
                "choose another CADENZA_MAILBOX_HOST or CADENZA_MAILBOX_PORT"
            ) from error

    async def stop(self) -> None:
        """Take no more connections, end those that are open, finish what is being stored.

        Mail whose `250` was not yet sent is sent again by its sender; it is stored once.
        """
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.end()
        await self._server.wait_closed()
        await self._batcher.close()
        self._server = None

    def _connection(self) -> asyncio.Protocol:
        if len(self._connections) >= self._max_connections and not self._make_room():
            return _Refusing()
        return _Connection(
            self._handler,
            self._connections,
            hostname=self._mail_domain,
            data_size_limit=self._max_mail_bytes,
        )

    def _make_room(self) -> bool:
        """Hang up on whoever has been here longest without mail for us.

        Else forty connections of anybody would keep everybody out.
        """
        stranger = next((c for c in self._connections if not c.has_recipient), None)
        if stranger is None:
            return False
        stranger.end(_TOO_BUSY)
        return True


class _Refusing(asyncio.Protocol):
    """Says that there is no room, and hangs up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.write(_TOO_BUSY)
        transport.close()


class _Connection(SMTP):
    """aiosmtpd's SMTP, which also understands LHLO (RFC 2033)."""

    line_length_limit = _MAX_LINE_BYTES

    def __init__(
        self,
        handler: "_Handler",
        connections: "dict[_Connection, None]",
        *,
        hostname: str,
        data_size_limit: int,
    ) -> None:
        super().__init__(
            handler,
            hostname=hostname,
            ident="ESMTP",
            data_size_limit=data_size_limit,
            enable_SMTPUTF8=True,
            timeout=_SESSION_SECONDS,
            command_call_limit=_MAX_COMMANDS,
            loop=asyncio.get_running_loop(),
        )
        self._connections = connections
        self._max_mail_bytes = data_size_limit

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections[self] = None
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.pop(self, None)
        super().connection_lost(error)

    @property
    def has_recipient(self) -> bool:
        """Whether an address of ours was named for the mail that is under way."""
        return self.envelope is not None and bool(self.envelope.rcpt_tos)

    def end(self, words: bytes = b"") -> None:
        """Say `words` and hang up. It counts as gone at once."""
        self._connections.pop(self, None)
        if self.transport is not None:
            if words:
                cast(asyncio.Transport, self.transport).write(words)
            self.transport.close()

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        """Take a mail in; of a long one its beginning is kept, which is what is read of it.

        aiosmtpd's own keeps an object for every line, also of what it will
        refuse: lines of two octets, or one without an end, fill the memory.
        """
        if await self.check_helo_needed():
            return
        if not self.has_recipient or self.envelope is None:
            await self.push("503 5.5.1 RCPT first")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        size, content = await self._mail()
        if size > self._max_mail_bytes:
            status = _TOO_LARGE
        else:
            self.envelope.content = self.envelope.original_content = content
            status = await self._call_handler_hook("DATA")
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push(status)

    async def _mail(self) -> tuple[int, bytes]:
        """The size of the mail up to its final dot, and its beginning, without stuffed dots.

        Who goes on long after it is too large is hung up on.
        """
        kept, size, lines, begins_line = bytearray(), 0, 0, True
        while size <= 4 * self._max_mail_bytes and lines <= _MAX_LINES:
            try:
                piece: bytes = await self._reader.readuntil(b"\r\n")
                ends_line = True
            except asyncio.LimitOverrunError as error:
                piece = await self._reader.read(error.consumed)
                ends_line = False
            except asyncio.CancelledError:  # the other side hung up
                self._writer.close()
                raise
            if begins_line and piece == b".\r\n":
                return size, bytes(kept)
            if begins_line and piece.startswith(b"."):
                piece = piece[1:]  # RFC 5321 §4.5.2
            size += len(piece)
            if len(kept) < MAX_BYTES:
                kept += piece
            lines += ends_line
            begins_line = ends_line
        self.end(f"{_TOO_LARGE}\r\n".encode())
        await asyncio.Event().wait()  # until the end of the connection cancels this
        raise AssertionError

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str) -> None:
        """LMTP's greeting; aiosmtpd finds commands by name.

        LMTP's one difference is an answer for each recipient after the
        body; `_Handler.handle_RCPT` sees to it that there is only one.
        """
        await self.smtp_EHLO(arg)
        if self.session is not None:
            self.session.is_lmtp = True  # type: ignore[attr-defined]


class _Handler:
    """The decisions of one mailbox server; methods are named as aiosmtpd calls them."""

    def __init__(
        self,
        batcher: EventBatcher,
        signer: LinkSigner,
        clock: Clock,
        metrics: IntakeMetrics,
        *,
        mail_domain: str,
    ) -> None:
        self._batcher = batcher
        self._signer = signer
        self._clock = clock
        self._refused = metrics.events_refused
        self._mail_domain = mail_domain

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: Sequence[str],
    ) -> str:
        """Whether we take mail for this address. No relaying, no catch-all."""
        del server, rcpt_options
        if domain_of(address) != self._mail_domain:
            self._refused.labels(SOURCE, Refusal.SIGNATURE).inc()
            return _NO_RELAY
        if verified_recipient(address, self._signer) is None:
            self._refused.labels(SOURCE, Refusal.SIGNATURE).inc()
            return _UNKNOWN
        most = 1 if getattr(session, "is_lmtp", False) else _MAX_RECIPIENTS
        if len(envelope.rcpt_tos) >= most:
            return _TOO_MANY
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Interpret and store; all recipients' events in one commit."""
        del server, session
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        events = self._events(raw, envelope, self._clock.now())
        try:
            await self._batcher.record(events)
        except NotRecorded:
            return _TRY_LATER
        return _STORED

    def _events(self, raw: bytes, envelope: Envelope, now: datetime) -> list[Event]:
        # An address can be written in many ways, and each would be work.
        recipients = dict.fromkeys(verified_recipient(a, self._signer) for a in envelope.rcpt_tos)
        mail = Mail.of(raw)
        sender = envelope.mail_from or ""
        return [
            event
            for recipient in recipients
            if recipient is not None
            for event in interpret_for(recipient, mail, sender, now)
        ]

    async def handle_exception(self, error: Exception) -> str:
        """A bug: the sender keeps the mail and tries again, and nobody reads of it but us."""
        _log.error("mail not handled", error=type(error).__name__)
        return _TRY_LATER
