"""When a request leaves: between the connection and its first byte, and known from then on.

aiohttp keeps the connections and speaks HTTP. What it does not say by
itself is when a request is about to be written, so that is heard where it
gets its connection.
"""

import asyncio
import select
from contextvars import ContextVar
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from cadenza.abc import Begin

# Common servers close idle connections after 5 s; a request that crosses
# with that would have an unknown fate.
_KEEP_ALIVE_SECONDS = 4.0


class Departure:
    """Runs `begin` when the request is about to leave, and remembers that it did.

    Without `begin` nothing that counts can leave. The time that it takes is
    not the provider's: the deadline starts anew when the request leaves.
    """

    def __init__(self, begin: Begin | None, deadline: asyncio.Timeout, seconds: float) -> None:
        self._begin = begin
        self._deadline = deadline
        self._seconds = seconds
        self.done = False
        self.refusal: BaseException | None = None

    async def begin(self, connection: Connection) -> None:
        """Await `begin`. Raises what it raises, and if the server hung up meanwhile."""
        if self._begin is None:
            return
        if self.done:
            # The client would repeat what may be repeated by the book; whether this may, who knows.
            raise ConnectionResetError("closed after the request had left")
        self._deadline.reschedule(None)
        try:
            await self._begin()
        except BaseException as error:
            self.refusal = error
            raise
        self._deadline.reschedule(asyncio.get_running_loop().time() + self._seconds)
        if connection.protocol is None or not connection.protocol.is_connected():
            raise ConnectionResetError("closed before the request")
        self.done = True


DEPARTING: ContextVar[Departure] = ContextVar("departing")
"""The request that this task is about to make."""


class DepartingConnector(aiohttp.TCPConnector):
    """Lets a request begin once it has its connection: nothing of it has been written then."""

    def __init__(self, *, limit: int) -> None:
        super().__init__(limit=limit, keepalive_timeout=_KEEP_ALIVE_SECONDS)
        self._known: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list["aiohttp.tracing.Trace"],
        timeout: aiohttp.ClientTimeout,
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        while connection.protocol in self._known and not _is_quiet(connection):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        if connection.protocol is not None:
            self._known.add(connection.protocol)
        try:
            await DEPARTING.get().begin(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _is_quiet(connection: Connection) -> bool:
    """Whether nothing waits to be read, an end neither: the loop may not have seen it yet."""
    if connection.transport is None:
        return False
    poll = select.poll()
    poll.register(connection.transport.get_extra_info("socket").fileno(), select.POLLIN)
    return not poll.poll(0)
