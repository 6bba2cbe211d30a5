"""The door of the API: who may come in, and with how much."""

import asyncio
import hmac
import traceback
from collections.abc import Mapping

import structlog
from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.api.problems import problem

MAX_BODY_BYTES = 64 * 1024
_BODY_SECONDS = 20.0

log = structlog.get_logger(__name__)


class _Refused(Exception):
    """The body is not taken. status: what is answered."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Guard:
    """ASGI middleware: a bearer token (RFC 6750), a bounded body, no error that tells of people."""

    def __init__(self, app: ASGIApp, token: SecretStr | None) -> None:
        self._app = app
        self._expected = b"Bearer " + token.get_secret_value().encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in reversed(scope["headers"])}
        if self._expected is None:
            refusal = problem(503, "the API is off: set CADENZA_API_TOKEN to a long random text")
            await refusal(scope, receive, send)
            return
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._expected):
            refusal = problem(
                401,
                "send the header `Authorization: Bearer` with the token of CADENZA_API_TOKEN",
                headers={"www-authenticate": 'Bearer realm="cadenza"', "connection": "close"},
            )
            await refusal(scope, receive, send)
            return
        try:
            body = await _bounded_body(headers, receive)
        except _Refused as error:
            # The rest of the body is not read, so the connection cannot go on.
            refusal = problem(error.status, error.detail, headers={"connection": "close"})
            await refusal(scope, receive, send)
            return
        await self._answer(scope, body, receive, send)

    async def _answer(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        given = False
        begun = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, replay, watch)
        except Exception as error:  # noqa: BLE001 - a bug; its message may tell of people
            log.error("api_failed", error=_whereabouts(error))
            if not begun:
                await problem(500, "internal error")(scope, receive, send)


async def _bounded_body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    length = headers.get(b"content-length")
    if length is None and b"transfer-encoding" not in headers:
        return b""
    if length is not None and length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise _Refused(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise _Refused(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise _Refused(408, "the body did not arrive in time") from error


def _whereabouts(error: Exception) -> str:
    """Type and place, without the message."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
