"""Keeps connections to one relay open between mails."""

import asyncio
from collections.abc import Awaitable, Callable

from senders.email_smtp.connection import SmtpConnection

_GOODBYE_SECONDS = 1.0


class SmtpPool:
    """Hands out connections, the one used last first, and takes them back.

    dial: opens a new one. max_idle_seconds: longer unused, it is closed.
    max_mails: after so many mails it is closed too (relays limit that).
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[SmtpConnection]],
        *,
        max_idle_seconds: float = 30.0,
        max_mails: int = 500,
    ) -> None:
        self._dial = dial
        self._max_idle_seconds = max_idle_seconds
        self._max_mails = max_mails
        self._idle: dict[SmtpConnection, asyncio.TimerHandle] = {}
        self._leaving: set[SmtpConnection] = set()

    async def take(self) -> SmtpConnection:
        """An idle connection if there is one, else a new one. Raises as `dial`."""
        while self._idle:
            connection, expiry = self._idle.popitem()
            expiry.cancel()
            if connection.reusable:
                return connection
            self._dismiss(connection)
        return await self._dial()

    async def new(self) -> SmtpConnection:
        """A new connection, whatever is idle. Raises as `dial`."""
        return await self._dial()

    def give_back(self, connection: SmtpConnection) -> None:
        """Keep a connection that was taken for the next mail, or close it."""
        if not connection.reusable or connection.mails >= self._max_mails:
            self._dismiss(connection)
            return
        connection.rested = True
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.call_later(self._max_idle_seconds, self._expire, connection)

    async def close(self) -> None:
        """Close what is idle and return when all is closed; relays get a moment to say goodbye."""
        for connection in list(self._idle):
            self._expire(connection)
        leaving = list(self._leaving)
        if not leaving:
            return
        await asyncio.wait([c.closed for c in leaving], timeout=_GOODBYE_SECONDS)
        for connection in leaving:
            connection.abort()
        await asyncio.wait([c.closed for c in leaving])

    def _expire(self, connection: SmtpConnection) -> None:
        self._idle.pop(connection).cancel()
        self._dismiss(connection)

    def _dismiss(self, connection: SmtpConnection) -> None:
        if connection.closed.done():
            return
        self._leaving.add(connection)
        connection.closed.add_done_callback(lambda _: self._leaving.discard(connection))
        if connection.reusable:
            connection.quit()
        else:
            connection.abort()
