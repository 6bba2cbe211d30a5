"""Runs the gateway on uvicorn, with bounds on what a client may send before it is understood."""

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 32 * 1024
_HEAD_SECONDS = 15.0
_MAX_CONNECTIONS = 4096

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n"


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, but what is no body may be neither endless nor endlessly slow.

    httptools has no bound on the length of a URL, of headers, of chunk
    extensions or of the trailers behind a body, and uvicorn none on the
    time that a request's head takes to arrive.
    """

    _unfinished_bytes = 0  # since the last end of a head, piece of a body or end of a request
    _in_head = True
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._await_head()
        self._unfinished_bytes += len(data)
        super().data_received(data)
        # Asked afterwards: what has just been fed may have ended the head and begun a body.
        if self._unfinished_bytes > MAX_HEAD_BYTES:
            if self._in_head and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._await_head()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._unfinished_bytes = 0
        self._end_deadline()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        # What comes next, be it only a line end, begins another head.
        self._in_head = True
        self._unfinished_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            # Nobody reads the rest of this body: the next head has to come in time all the same.
            self._await_head()

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(_HEAD_SECONDS, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        self.transport.close()

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def gateway_server(app: ASGIApp, *, host: str, port: int, **options: Any) -> uvicorn.Server:
    """A server for `gateway_app`; run it with `await server.serve()`.

    No access log, because paths hold tokens. options: further settings of
    `uvicorn.Config`, such as `fd` or `uds`.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=15,
            **options,
        )
    )
