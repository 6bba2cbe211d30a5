"""A small HTTP/1.1 server: whole requests in, whole responses out, handlers that never wait."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

import httptools

from sandbox.activity import Activity, Faults

logger = logging.getLogger(__name__)

LARGEST_HEAD = 65_536
LARGEST_BODY = 1_048_576


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. `path` is decoded; header names are lower-case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The query's parameters; of several with one name the first."""
        return _first_of_each(self.query)

    @cached_property
    def form(self) -> dict[str, str]:
        """The URL-encoded body's fields; of several with one name the first."""
        return _first_of_each(self.body.decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response, in JSON."""

    status: int
    body: bytes


Handler = Callable[[Request], Response]


def json_response(status: int, document: Any) -> Response:
    """Return a response whose body is `document` in JSON."""
    return Response(status=status, body=json.dumps(document).encode())


class HttpConnection(asyncio.Protocol):
    """One client's connection, kept alive between requests.

    `activity` counts the requests under way. `faults` may spoil answers; None for a server that is
    always honest.
    """

    def __init__(self, handler: Handler, activity: Activity, faults: Faults | None) -> None:
        self._handler = handler
        self._activity = activity
        self._faults = faults
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._counted = False
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._head_size = 0
        self._in_head = True

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = cast(asyncio.Transport, transport)
        self._activity.connections.add(self._transport)
        self._opened = self._transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget an unfinished request."""
        self._count(begun=False)
        self._transport = None
        if self._opened is not None:
            self._activity.connections.discard(self._opened)

    def data_received(self, data: bytes) -> None:
        """Parse, and answer every request that is complete."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._answer(json_response(400, {"error": "not HTTP/1.1"}), keep_alive=False)
        # The parser tells of a header when it is whole: one without end must be noticed here.
        if self._in_head:
            self._head_size += len(data)
            if self._head_size > LARGEST_HEAD:
                self._refuse_size()

    def eof_received(self) -> bool:
        """Close when the client has closed its half."""
        return False

    # The parser's side

    def on_message_begin(self) -> None:
        """Count the request as under way."""
        self._begin()
        self._count(begun=True)

    def on_url(self, url: bytes) -> None:
        """Collect the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Let a client go on that asked first (curl does, before a large body)."""
        self._in_head = False
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Collect the body, up to the limit."""
        if len(self._body) + len(body) > LARGEST_BODY:
            self._refuse_size()
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Answer."""
        if self._transport is None:
            return
        keep_alive = self._parser.should_keep_alive()
        fault = self._faults.http.take() if self._faults is not None else None
        if fault == "hang":
            return
        if fault == "status_500":
            self._answer(json_response(500, {"message": "internal error"}), keep_alive=keep_alive)
            return
        response = self._handle()
        if fault == "drop_after_request":
            self._transport.abort()
            self._transport = None
            self._count(begun=False)
        else:
            self._answer(response, keep_alive=keep_alive)

    # Answers

    def _handle(self) -> Response:
        path, _, query = self._url.decode("latin-1").partition("?")
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            path=unquote(path),
            query=query,
            headers=self._headers,
            body=bytes(self._body),
        )
        try:
            return self._handler(request)
        except Exception:  # a bug in one handler must not take the other servers down
            logger.exception("a handler failed")
            return json_response(500, {"error": "handler failed"})

    def _answer(self, response: Response, *, keep_alive: bool) -> None:
        if self._transport is None:
            return
        head = [
            f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(response.body)}",
        ]
        if not keep_alive:
            head.append("Connection: close")
        self._transport.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + response.body)
        self._count(begun=False)
        if not keep_alive:
            self._transport.close()
            self._transport = None

    def _refuse_size(self) -> None:
        self._answer(json_response(413, {"error": "request too large"}), keep_alive=False)

    def _count(self, *, begun: bool) -> None:
        if begun != self._counted:
            self._activity.in_progress += 1 if begun else -1
            self._counted = begun


def _first_of_each(encoded: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        fields.setdefault(name, value)
    return fields
