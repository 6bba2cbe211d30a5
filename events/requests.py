"""Reads one HTTP request within bounds. Everything in it is hostile."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from cadenza.errors import EventRejected
from cadenza.model import RawRequest

MAX_URL_BYTES = 8 * 1024
_MAX_QUERY_FIELDS = 50
_BODY_SECONDS = 20.0


async def read_request(
    scope: Scope,
    receive: Receive,
    *,
    max_body_bytes: int,
    public_url: str,
    received_at: datetime,
) -> RawRequest:
    """The request as its source sees it, its body at most `max_body_bytes`.

    `url` is `public_url`, then path and query byte by byte as they were
    sent, because signatures cover them.
    Raises EventRejected (408, 413, 414, 400) and ClientDisconnect.
    """
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    raw_query: bytes = scope["query_string"]
    if len(raw_path) + len(raw_query) > MAX_URL_BYTES:
        raise EventRejected("the URL is too long", status=414)
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    path, query = raw_path.decode("latin-1"), raw_query.decode("latin-1")
    return RawRequest(
        method=scope["method"],
        url=f"{public_url}{path}?{query}" if query else f"{public_url}{path}",
        path_params=scope["path_params"],
        query=_query(query) if query else {},
        headers=headers,
        body=await _body(headers, receive, max_body_bytes),
        received_at=received_at,
    )


def _query(query: str) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError as error:
        raise EventRejected("too many query fields") from error
    return dict(reversed(pairs))  # of repeated fields the first counts


async def _body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    length = headers.get("content-length")
    if length is None and "transfer-encoding" not in headers:
        return b""
    if length is not None and not (length.isascii() and length.isdigit()):
        raise EventRejected("Content-Length is malformed")
    if length is not None and int(length) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await _streamed_body(receive, limit)
    except TimeoutError as error:
        raise EventRejected("the body did not arrive in time", status=408) from error


async def _streamed_body(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _too_large(limit: int) -> EventRejected:
    return EventRejected(f"the body is larger than {limit} bytes", status=413)
