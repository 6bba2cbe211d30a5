"""One connection to a relay, past EHLO, STARTTLS and AUTH: commands out, replies in.

aiosmtplib opens it and hands its transport over; from then on this
protocol drives it, because the phase of every send must be known and
commands must be pipelined (RFC 2920).
"""

import asyncio
import re
from dataclasses import dataclass
from typing import NamedTuple, cast

_MAX_REPLY_OCTETS = 16 * 1024
_REPLY_LINE = re.compile(rb"([2-5]\d\d)([ -]?)")
_MAX_WAITING_REPLIES = 16


class Reply(NamedTuple):
    """What a relay answered. text: of its last line, untrusted, may name addresses."""

    code: int
    text: bytes


class ConnectionLost(Exception):
    """The relay hung up, fell silent or spoke something else than SMTP. why: for messages."""

    def __init__(self, why: str, replies: tuple[Reply, ...] = ()) -> None:
        super().__init__(why)
        self.why = why
        self.replies = replies


@dataclass(frozen=True, kw_only=True, slots=True)
class Extensions:
    """What the relay offered in EHLO. size: largest mail in octets, 0 if it did not say."""

    pipelining: bool = False
    smtputf8: bool = False
    takes_size: bool = False
    size: int = 0


class SmtpConnection(asyncio.Protocol):
    """Speaks SMTP on an open transport, one exchange at a time.

    mails: how many transactions were begun on it. rested: it has been idle
    in a pool, so the relay may have hung up unnoticed. at_rest: between
    transactions, nothing owed by either side. needs_reset: the transaction
    before must be taken back by RSET first. closed: done when the
    transport is.
    """

    def __init__(
        self, transport: asyncio.BaseTransport, extensions: Extensions, *, timeout_seconds: float
    ) -> None:
        self.extensions = extensions
        self.mails = 0
        self.rested = False
        self.at_rest = True
        self.needs_reset = False
        self.closed = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, transport)
        self._timeout_seconds = timeout_seconds
        self._buffer = b""
        self._replies: list[Reply] = []
        self._expected = 0
        self._waiter: asyncio.Future[None] | None = None
        self._lost: str | None = None
        self._transport.set_protocol(self)

    @property
    def alive(self) -> bool:
        """False once the relay hung up or said something unasked (as 421 before it hangs up)."""
        return self._lost is None and not self._replies and not self._transport.is_closing()

    @property
    def reusable(self) -> bool:
        """Whether the next mail may go over it."""
        return self.at_rest and self.alive

    async def exchange(self, octets: bytes, replies: int) -> tuple[Reply, ...]:
        """Write `octets` at once, before anything is awaited, and return that many replies.

        Raises ConnectionLost; the connection is closed then. After a
        cancellation it must be aborted: its replies would be mistaken.
        """
        if not self.alive:
            raise ConnectionLost(self._lost or "the relay hung up")
        if not octets.count(b"\r\n") == octets.count(b"\r") == octets.count(b"\n"):
            # RFC 5321 §2.3.8; relays that disagree about it can be made to see two mails.
            raise ValueError("a bare CR or LF must never be sent")
        self._expected = replies
        self._waiter = self._loop.create_future()
        self._transport.write(octets)
        alarm = self._loop.call_later(self._timeout_seconds, self._fail, "the relay did not answer")
        try:
            await self._waiter
        finally:
            alarm.cancel()
            self._waiter = None
        answered = tuple(self._replies[:replies])
        if len(answered) < replies:
            raise ConnectionLost(self._lost or "the relay hung up", answered)
        del self._replies[:replies]
        return answered

    def quit(self) -> None:
        """Say goodbye and close; does not wait for the answer (see `closed`)."""
        if not self._transport.is_closing():
            self._transport.write(b"QUIT\r\n")
            self._transport.close()

    def abort(self) -> None:
        """Close at once, in whatever state."""
        self.at_rest = False
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Gather replies (asyncio)."""
        if self._lost is not None:
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) + len(data) > _MAX_REPLY_OCTETS:
            self._fail("the relay's answer is too long")
            return
        for line in lines:
            begin = _REPLY_LINE.match(line)
            if begin is None:
                self._fail("the relay answered something that is not SMTP")
                return
            if begin[2] != b"-":
                self._replies.append(Reply(int(begin[1]), line[4:].strip()))
        if len(self._replies) > _MAX_WAITING_REPLIES:
            self._fail("the relay answers without being asked")
        elif len(self._replies) >= self._expected:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits (asyncio)."""
        del exc
        self._lost = self._lost or "the relay hung up"
        self._wake()
        if not self.closed.done():
            self.closed.set_result(None)

    def _fail(self, why: str) -> None:
        self._lost = why
        self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
