"""Requests to the HTTP APIs of providers, with what is known of a request when it fails.

connect  →  begin()  →  request  →  answer
nothing has left     | may have | known again
"""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import yarl
from pydantic import AfterValidator, Field

from cadenza.abc import Begin
from cadenza.errors import (
    AmbiguousSendError,
    ConfigurationError,
    SendError,
    TransientSendError,
)
from senders.http_departure import DEPARTING, DepartingConnector, Departure
from senders.settings import ProviderSettings

_MAX_RETRY_AFTER = timedelta(days=1)
_UNREACHABLE_RETRY = timedelta(minutes=1)
# Of several addresses one may swallow everything: the next has to have its turn in time.
_ADDRESS_SECONDS = 5.0
_MAX_ANSWER_OCTETS = 256 * 1024
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """What is posted, with its Content-Type."""

    type: str
    octets: bytes


def as_json(document: Mapping[str, Any]) -> Body:
    """A JSON object."""
    return Body(type="application/json", octets=json.dumps(document).encode())


def as_form(fields: Mapping[str, str]) -> Body:
    """The fields of a form, as browsers post it."""
    return Body(type="application/x-www-form-urlencoded", octets=urlencode(fields).encode())


def as_parts(fields: Sequence[tuple[str, str]]) -> Body:
    """The fields of a form as parts (RFC 7578). Their names are ours."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields
    ]
    octets = f"{''.join(parts)}--{boundary}--\r\n".encode()
    return Body(type=f"multipart/form-data; boundary={boundary}", octets=octets)


class HttpApi:
    """One login at one provider, over connections that are kept.

    provider: its name for messages. headers: with the credentials. Raises
    ConfigurationError if a header cannot be written.
    """

    def __init__(
        self, provider: str, base_url: str, settings: HttpSettings, headers: Mapping[str, str]
    ) -> None:
        self._provider = provider
        self._settings = settings
        parts = urlsplit(base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._prefix = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        self._headers = {
            "User-Agent": "Cadenza",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            **headers,
        }
        if not all(v.isascii() and v.isprintable() for v in self._headers.values()):
            raise ConfigurationError(
                f"{provider}: a secret or address has characters that no HTTP header can carry"
            )
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make ready; connections are opened on first use. Idempotent."""
        if self._session is not None:
            return
        self._session = aiohttp.ClientSession(
            connector=DepartingConnector(limit=self._settings.connections),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # The whole request has a deadline of ours, which `begin` does not use up.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_ADDRESS_SECONDS),
        )

    async def close(self) -> None:
        """Close all connections. Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Look something up. Raises TransientSendError: nothing is changed by asking again."""
        return await self._exchange("GET", _with_query(path, params), None)

    async def visit(
        self, path: str, params: Mapping[str, str], begin: Begin, headers: Mapping[str, str]
    ) -> Answer:
        """Look something up where the look itself is what is wanted; awaits `begin` as `post`."""
        return await self._exchange("GET", _with_query(path, params), begin, headers=headers)

    async def post(
        self, path: str, begin: Begin, body: Body, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask for something to be done.

        path: quoted, with its query. Awaits `begin()` when a connection is open, just before
        the request leaves. Raises TransientSendError before that,
        AmbiguousSendError after it, and what `begin` raises.
        """
        return await self._exchange("POST", path, begin, body=body, headers=headers)

    async def _exchange(
        self,
        method: str,
        path: str,
        begin: Begin | None,
        *,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        if self._session is None:
            raise TransientSendError("the sender is not open", code="closed")
        fields = dict(headers or {})
        if body is not None:
            fields["Content-Type"] = body.type
        deadline = asyncio.timeout(self._settings.timeout_seconds)
        departure = Departure(begin, deadline, self._settings.timeout_seconds)
        token = DEPARTING.set(departure)
        try:
            async with (
                deadline,
                self._session.request(
                    method,
                    yarl.URL(f"{self._origin}{self._prefix}{path}", encoded=True),
                    data=body.octets if body is not None else None,
                    headers=fields,
                    allow_redirects=False,
                ) as response,
            ):
                return await _read(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if departure.refusal is not None:
                raise departure.refusal from None
            raise self._failure(departure, error) from error
        except asyncio.CancelledError as cancelled:
            if not departure.done:
                raise
            raise AmbiguousSendError(
                f"interrupted after a request to {self._provider} had left", code="interrupted"
            ) from cancelled
        finally:
            DEPARTING.reset(token)

    def _failure(self, departure: Departure, error: Exception) -> SendError:
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


def _with_query(path: str, params: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(params)}" if params else path


async def _read(response: aiohttp.ClientResponse) -> Answer:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MAX_ANSWER_OCTETS:
            body.clear()
            response.close()
            break
    return Answer(
        status=response.status,
        document=_json_object(bytes(body)),
        retry_after=_retry_after(response.headers.get("Retry-After", "")),
    )


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
