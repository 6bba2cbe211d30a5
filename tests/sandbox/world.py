"""Helpers of the sandbox's tests: a Cadenza-shaped counterpart over real sockets."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from uvicorn.server import ServerState

from sandbox.main import Sandbox
from tests.support.eventually import eventually as poll_until

DAY_US = 86_400_000_000


async def eventually(condition: Callable[[], bool], what: str) -> None:
    """Return when `condition` holds; fail when it does not within the deadline."""

    async def holds() -> bool:
        return condition()

    holds.__name__ = what
    await poll_until(holds)


class ClockFile:
    """The shared clock, moved by the test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset_us = 0
        path.write_bytes(bytes(16))

    def jump(self, microseconds: int) -> None:
        """Move schedule time forward."""
        self.offset_us += microseconds
        with self.path.open("r+b") as file:
            file.write(struct.pack("<q", self.offset_us))

    def stand(self, at_us: int) -> None:
        """Hold schedule time at a moment; 0 lets it run again."""
        with self.path.open("r+b") as file:
            file.seek(8)
            file.write(struct.pack("<q", at_us))


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One request that the web counterpart got."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Gateway:
    """An HTTP server on uvicorn's protocol that remembers what it is asked and answers as told."""

    hits: list[Hit] = field(default_factory=list)
    answer: Callable[[Hit], tuple[int, dict[str, str], bytes]] = lambda _hit: (200, {}, b"")
    port: int = 0
    _state: ServerState = field(default_factory=ServerState)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        config = uvicorn.Config(
            self.app, interface="asgi3", ws="none", log_level="critical", access_log=False
        )
        config.load()
        # Not `uvicorn.Server`: it takes the process's signals and looks up only every 100 ms.
        self._server = await asyncio.get_running_loop().create_server(
            lambda: config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self._state, app_state={}
            ),
            "127.0.0.1",
            0,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        await eventually(lambda: not self._state.connections, "all connections are closed")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def named(self, path: str) -> list[Hit]:
        return [hit for hit in self.hits if hit.path == path]

    async def app(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        hit = Hit(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode(),
            headers={name.decode(): value.decode() for name, value in scope["headers"]},
            body=body,
        )
        self.hits.append(hit)
        status, headers, content = self.answer(hit)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})


class DyingServer:
    """Takes connections and hangs up at once, as what listens while it goes down."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    @classmethod
    async def start(cls) -> "DyingServer":
        dying = cls()

        def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            dying.connections += 1
            writer.transport.abort()

        dying._server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        dying.port = dying._server.sockets[0].getsockname()[1]
        return dying

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()


class Inbound:
    """The SMTP server that takes replies and bounces, on aiosmtpd."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        self.refusals: list[str] = []
        """Answers to give to the next mails instead of taking them."""
        self._server: asyncio.Server | None = None
        self._sessions: list[SMTP] = []
        self.port = 0

    def _open(self) -> SMTP:
        session = SMTP(self, enable_SMTPUTF8=True, loop=asyncio.get_running_loop())
        self._sessions.append(session)
        return session

    async def start(self, port: int = 0) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._open, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for session in self._sessions:
            if session.transport is not None:
                session.transport.close()
        self._sessions.clear()
        await asyncio.sleep(0)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        sender = (envelope.mail_from or "").strip("<>")  # the null reverse-path comes as "<>"
        self.mails.append((sender, list(envelope.rcpt_tos), message))
        return "250 taken"


async def settle(sandbox: Sandbox, clock: ClockFile, *, days: int = 30) -> None:
    """Let so many days pass, half a day at a time, until nothing is left to do."""
    end_us = sandbox.clock.now_us() + days * DAY_US
    while True:
        due_us = sandbox.agenda.next_due_us
        if due_us is None or due_us > end_us:
            return
        clock.jump(max(due_us - sandbox.clock.now_us(), 0) + DAY_US // 2)
        sandbox.agenda.run_due()
        await eventually(lambda: at_rest(sandbox), "the sandbox comes to rest")


def at_rest(sandbox: Sandbox) -> bool:
    """Return whether the sandbox has nothing under way."""
    return sandbox.agenda.is_idle() and sandbox.outbox_pending == 0


def make_mail(
    to: str,
    *,
    gateway: str = "http://127.0.0.1:9",
    subject: str = "A question about your déjeuner",
    text: str = "Hello Jean,\n\ncould we talk?\n\nAnna",
    message_id: str = "<touch-1@acme.example>",
    **headers: str,
) -> EmailMessage:
    """Return a mail such as a cadence sends."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = "Anna Müller <anna@acme.example>"
    mail["To"] = f"Jean Dupont <{to}>"
    mail["Subject"] = subject
    mail["Message-ID"] = message_id
    mail["Reply-To"] = "reply+tok@in.acme.example"
    mail["List-Unsubscribe"] = f"<{gateway}/u/tok>, <mailto:leave@in.acme.example?subject=leave>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    for name, value in headers.items():
        del mail[name.replace("_", "-")]
        if value:
            mail[name.replace("_", "-")] = value
    mail.set_content(text)
    mail.add_alternative(
        f"<html><body><p>{text}</p><a href='{gateway}/c/link?a=1&amp;b=2'>Our guide</a>"
        f"<a href='{gateway}/u/tok'>Unsubscribe</a>"
        f'<img alt="" src="{gateway}/o/pixel.gif"></body></html>',
        subtype="html",
    )
    return mail


async def send_mail(
    sandbox: Sandbox, mail: EmailMessage, *, to: str | None = None, sender: str = "b+1@acme.example"
) -> str:
    """Send one mail over SMTP and return the answer."""
    recipient = to or mail["To"].addresses[0].addr_spec
    async with aiosmtplib.SMTP(
        hostname="127.0.0.1", port=sandbox.ports["smtp"], start_tls=False
    ) as client:
        _, answer = await client.sendmail(sender, [recipient], mail.as_bytes())
    return answer
