"""Requests to the HTTP APIs of providers, with what is known of a request when it fails.

connect  →  begin()  →  request  →  answer
nothing has left     | may have | known again
"""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator, Field

from cadenza.abc import Begin
from cadenza.errors import AmbiguousSendError, SendError, TransientSendError
from senders.settings import ProviderSettings

_MAX_ANSWER_OCTETS = 256 * 1024
_MAX_RETRY_AFTER = timedelta(days=1)
_UNREACHABLE_RETRY = timedelta(minutes=1)
# Common servers close idle connections after 5 s; a request that crosses
# with that would have an unknown fate.
_KEEP_ALIVE_SECONDS = 4.0
# The point after which a provider could act: https://www.encode.io/httpcore/extensions/#trace
_ABOUT_TO_LEAVE = "http11.send_request_headers.started"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("write an address like https://api.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials do not belong into the address")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("write https: over http everybody on the way reads the credentials")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]


class HttpSettings(ProviderSettings):
    """What all HTTP providers have. connections: requests under way at once, at most.

    timeout_seconds: for a whole request.
    """

    connections: int = Field(default=4, ge=1, le=64)
    timeout_seconds: float = Field(default=30, gt=0, le=600)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a provider answered. document: its JSON object, empty if there was none."""

    status: int
    document: Mapping[str, Any]
    retry_after: timedelta | None

    def text(self, key: str) -> str:
        """The string under `key`, or an empty one."""
        value = self.document.get(key)
        return value if isinstance(value, str) else ""


class HttpApi:
    """One login at one provider: persistent connections, bounded in number.

    provider: its name for messages. headers: with the credentials.
    """

    def __init__(
        self, provider: str, base_url: str, settings: HttpSettings, headers: Mapping[str, str]
    ) -> None:
        self._provider = provider
        self._base_url = base_url
        self._settings = settings
        self._headers = headers
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Make ready; connections are opened on first use. Idempotent."""
        if self._client is not None:
            return
        verify: ssl.SSLContext | bool = False  # http, on this machine: see `_base_url`
        if self._base_url.startswith("https:"):
            # It reads the certificates of all authorities: tens of milliseconds.
            verify = await asyncio.to_thread(httpx.create_ssl_context)
        self._client = httpx.AsyncClient(
            base_url=self._base_url,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **self._headers},
            limits=httpx.Limits(
                max_connections=self._settings.connections, keepalive_expiry=_KEEP_ALIVE_SECONDS
            ),
            timeout=self._settings.timeout_seconds,
            verify=verify,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections. Idempotent."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Look something up. Raises TransientSendError: nothing is changed by asking again."""
        return await self._exchange("GET", path, None, params=params)

    async def visit(
        self, path: str, params: Mapping[str, str], begin: Begin, headers: Mapping[str, str]
    ) -> Answer:
        """Look something up where the look itself is what is wanted; awaits `begin` as `post`."""
        return await self._exchange("GET", path, begin, params=params, headers=headers)

    async def post(self, path: str, begin: Begin, **content: Any) -> Answer:
        """Ask for something to be done.

        content: `data`, `json`, `files` or `content`, and `headers`, as in httpx.

        Awaits `begin()` when a connection is open, just before the request
        leaves. Raises TransientSendError before that, AmbiguousSendError
        after it, and what `begin` raises.
        """
        return await self._exchange("POST", path, begin, **content)

    async def _exchange(
        self, method: str, path: str, begin: Begin | None, **content: Any
    ) -> Answer:
        if self._client is None:
            raise TransientSendError("the sender is not open", code="closed")
        deadline = asyncio.timeout(self._settings.timeout_seconds)
        departure = _Departure(begin, deadline, self._settings.timeout_seconds)
        request = self._client.build_request(
            method, path, extensions={"trace": departure.hear}, **content
        )
        try:
            async with deadline:
                response = await self._client.send(request, stream=True)
                try:
                    return await _read(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError) as error:
            if departure.refused:
                raise
            raise self._failure(departure, error) from error
        except asyncio.CancelledError as cancelled:
            if not departure.done:
                raise
            raise AmbiguousSendError(
                f"interrupted after a request to {self._provider} had left", code="interrupted"
            ) from cancelled

    def _failure(self, departure: "_Departure", error: Exception) -> SendError:
        in_time = not isinstance(error, TimeoutError)
        if departure.done:
            return AmbiguousSendError(
                f"{self._provider} did not answer {'' if in_time else 'in time '}"
                "after a request had left",
                code="connection",
            )
        return TransientSendError(
            f"{self._provider} cannot be reached{'' if in_time else ' in time'}",
            code="connect",
            retry_after=_UNREACHABLE_RETRY,
        )


class _Departure:
    """Runs `begin` when the request is about to leave, and remembers that it did.

    Without `begin` nothing that counts can leave. The time that it takes is
    not the provider's: the deadline starts anew when the request leaves.
    """

    def __init__(self, begin: Begin | None, deadline: asyncio.Timeout, seconds: float) -> None:
        self._begin = begin
        self._deadline = deadline
        self._seconds = seconds
        self.done = False
        self.refused = False

    async def hear(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of what happens to the request (httpcore's `trace` extension)."""
        del info
        if event != _ABOUT_TO_LEAVE or self._begin is None:
            return
        self._deadline.reschedule(None)
        try:
            await self._begin()
        except BaseException:
            self.refused = True
            raise
        self._deadline.reschedule(asyncio.get_running_loop().time() + self._seconds)
        self.done = True


async def _read(response: httpx.Response) -> Answer:
    body = bytearray()
    async with aclosing(_raw(response)) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > _MAX_ANSWER_OCTETS:
                body.clear()
                break
    return Answer(
        status=response.status_code,
        document=_json_object(bytes(body)),
        retry_after=_retry_after(response.headers.get("retry-after", "")),
    )


def _raw(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    return cast("AsyncGenerator[bytes, None]", response.aiter_raw())


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _retry_after(value: str) -> timedelta | None:
    """The seconds of a Retry-After header; its date form depends on clocks and is ignored."""
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        return None
    return min(timedelta(seconds=int(value)), _MAX_RETRY_AFTER)
