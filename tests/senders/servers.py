"""What every fake provider can do: real sockets, and faults on order."""

import asyncio
import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Self

from cadenza.accounts import SenderAccount
from cadenza.model import Outbound
from tests.support.eventually import eventually

CERTIFICATE = Path(__file__).parent / "certs" / "localhost.pem"
_MARK = re.compile(rb"touch-\d+")


class Fault(Enum):
    """What a fake provider does with a touch instead of taking it."""

    HANGS_UP = auto()
    """Takes everything, then closes the connection without an answer."""
    SILENT = auto()
    """Takes everything and never answers."""
    BUSY = auto()
    """Asks to come back later."""
    REFUSES = auto()
    """Says no for ever."""
    NO_SUCH_RECIPIENT = auto()
    REFUSES_ACCOUNT = auto()


def server_context() -> ssl.SSLContext:
    """TLS with the certificate in `certs`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


class FakeProvider(ABC):
    """A provider on a socket of this machine; used as `async with`.

    received: the marks (`touch-1`) of the touches it acted on, in order.
    arrived: how many came in whole, whatever became of them. most_at_once:
    the most that were in and not answered at a time. private: texts that
    must show in no error.
    """

    private: tuple[str, ...]

    def __init__(self, *, tls: bool = False) -> None:
        self.tls = tls
        self.fault: Fault | None = None
        self.received: list[str] = []
        self.arrived = 0
        self.connections = 0
        self.open_connections = 0
        self.most_at_once = 0
        self.port = 0
        self._at_once = 0
        self._may_answer = asyncio.Event()
        self._may_answer.set()
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    @abstractmethod
    def account(self, **settings: object) -> SenderAccount:
        """An account at this provider; `settings` add to those that it needs."""

    @abstractmethod
    def touch(self, number: int = 1) -> Outbound:
        """A touch whose text holds `touch-<number>`."""

    @abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk on one connection until it ends."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        context = server_context() if self.tls else None
        self._server = await asyncio.start_server(
            self._session, "127.0.0.1", self.port, ssl=context
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections from now on, and end those that are open."""
        if self._server is not None:
            self._server.close()
        await self.hang_up()

    async def hang_up(self) -> None:
        """End the connections that are open."""
        sessions = list(self._sessions)
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    @asynccontextmanager
    async def holding_answers(self) -> AsyncIterator[None]:
        """Answer nothing until the block ends."""
        self._may_answer.clear()
        try:
            yield
        finally:
            self._may_answer.set()

    async def take(self, content: bytes) -> Fault | None:
        """Note that a touch came in whole; the fault to show instead of an acceptance."""
        self.arrived += 1
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._may_answer.wait()
            if self.fault is Fault.SILENT:
                await asyncio.Event().wait()
        finally:
            self._at_once -= 1
        if self.fault is None:
            self.received += [mark.decode() for mark in _MARK.findall(content)][:1]
        return self.fault

    async def until_arrived(self, count: int) -> None:
        async def arrived() -> bool:
            return self.arrived >= count

        await eventually(arrived)

    async def until_no_connection(self) -> None:
        async def nobody() -> bool:
            return self.open_connections == 0

        await eventually(nobody)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)
        self.connections += 1
        self.open_connections += 1
        try:
            await self.serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open_connections -= 1
            writer.transport.abort()
