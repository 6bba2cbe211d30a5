"""The browsers and webhook senders of the outside world: pooled, kept alive, patient."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

from sandbox.settings import WebSettings

LARGEST_ANSWER = 8_388_608
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said. `location` is where it redirects to; nobody follows."""

    status: int
    location: str | None
    body: bytes

    @property
    def is_good(self) -> bool:
        """Whether the request did what it was for."""
        return 200 <= self.status < 400


class NoAnswer(Exception):
    """Nobody answered in time, however often it was tried."""


class WebClient:
    """Makes requests over kept-alive connections, a bounded number to each host."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._idle: defaultdict[str, list[_Connection]] = defaultdict(list)
        self._room: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(settings.connections_per_host)
        )

    def reaches(self, url: str) -> bool:
        """Return whether this client would fetch the URL at all."""
        return self._authority(url) is not None

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """Make one request and return the answer.

        Connection errors, 429 and 5xx are tried again with growing pauses until the settings say
        to give up; then the last answer counts. Redirects are not followed.
        Raises NoAnswer when there never was an answer, ValueError for a URL that `reaches` denies.
        """
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._settings.give_up_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            answer: Answer | None = None
            error: Exception | None = None
            try:
                answer = await self._once(method, url, headers, body)
            except (OSError, TimeoutError, httptools.HttpParserError) as failure:
                error = failure
            if answer is not None and answer.status != 429 and answer.status < 500:
                return answer
            if loop.time() + pause > give_up_at:
                if answer is not None:
                    return answer
                raise NoAnswer(f"{method} got no answer: {type(error).__name__}") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def close(self) -> None:
        """Close every connection."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        authority = self._authority(url)
        if authority is None:
            raise ValueError("this URL is outside the sandbox's world")
        data = _request_bytes(method, url, headers, body)
        async with self._room[authority]:
            while True:
                connection = self._take_idle(authority)
                fresh = connection is None
                if connection is None:
                    connection = await self._connect(authority)
                try:
                    answer = await connection.exchange(data, self._settings.timeout_seconds)
                except ConnectionError:
                    # A server may close a kept-alive connection at any time; that says nothing
                    # about the request, as long as no byte of an answer had come.
                    if fresh or connection.began_answer:
                        raise
                    continue
                if connection.is_usable:
                    self._idle[authority].append(connection)
                return answer

    def _take_idle(self, authority: str) -> "_Connection | None":
        idle = self._idle[authority]
        while idle:
            connection = idle.pop()
            if connection.is_usable:
                return connection
        return None

    async def _connect(self, authority: str) -> "_Connection":
        host, _, port = authority.rpartition(":")
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._settings.timeout_seconds):
            _, connection = await loop.create_connection(_Connection, host.strip("[]"), int(port))
        return connection

    def _authority(self, url: str) -> str | None:
        try:
            parts = urlsplit(url)
            mapped = self._settings.hosts.get(parts.netloc)
            if mapped is not None:
                return mapped
            if parts.scheme != "http" or parts.hostname not in LOOPBACK:
                return None
            return f"{parts.hostname}:{parts.port or 80}"
        except ValueError:  # not a URL after all
            return None


class _Connection(asyncio.Protocol):
    """One connection that carries one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._location: str | None = None
        self._body = bytearray()
        self.began_answer = False
        self.is_usable = False

    async def exchange(self, data: bytes, timeout_seconds: float) -> Answer:
        """Send one request and return its answer.

        Raises ConnectionError when the connection ends first, TimeoutError, and
        httptools.HttpParserError when the answer is not HTTP.
        """
        if self._transport is None:
            raise ConnectionResetError("closed before the request")
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        self._location = None
        self._body.clear()
        self.began_answer = False
        self.is_usable = False
        self._transport.write(data)
        timer = loop.call_later(timeout_seconds, self._fail, TimeoutError("no answer in time"))
        try:
            return await self._waiter
        finally:
            timer.cancel()
            if not self.is_usable:
                self.close()

    def close(self) -> None:
        """Hang up."""
        self.is_usable = False
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request under way."""
        self._transport = None
        self.is_usable = False
        self._fail(exc if isinstance(exc, OSError) else ConnectionResetError("closed by the peer"))

    def data_received(self, data: bytes) -> None:
        """Parse the answer."""
        self.began_answer = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(error)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the one header that matters."""
        if name.lower() == b"location":
            self._location = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Collect the body, up to the limit."""
        self._body += body
        if len(self._body) > LARGEST_ANSWER:
            self._fail(ConnectionAbortedError("answer too large"))

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        status = self._parser.get_status_code()
        if status < 200 or self._waiter is None or self._waiter.done():
            return
        self.is_usable = self._parser.should_keep_alive()
        self._waiter.set_result(
            Answer(status=status, location=self._location, body=bytes(self._body))
        )

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


def _request_bytes(method: str, url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
