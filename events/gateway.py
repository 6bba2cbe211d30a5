"""The HTTP gateway: one handler for the routes of all event sources.

What a source verified is stored first and acknowledged then; what cannot
be stored is answered with 503, so that whoever brought it comes again.
"""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from cadenza.abc import EventRecorder, EventSource
from cadenza.clock import Clock
from cadenza.errors import ConfigurationError, EventRejected, SignatureInvalid
from cadenza.model import Answer, RawRequest
from events.answers import SECURITY_HEADERS, refusal, send_answer, unavailable
from events.recording import EventBatcher, Hints, NotRecorded
from events.requests import read_request
from monitoring.metrics import IntakeMetrics, Refusal

Probe = Callable[[], Awaitable[None]]
"""Returns if the recorder's database answers; raises if it does not."""

_PROBE_SECONDS = 2.0

_log = structlog.get_logger(__name__)


def gateway_app(
    sources: Sequence[EventSource],
    recorder: EventRecorder,
    clock: Clock,
    *,
    public_url: str,
    metrics: IntakeMetrics,
    hints: Hints | None = None,
    ready: Probe | None = None,
) -> Starlette:
    """An ASGI application that serves `sources`, `/healthz` and `/readyz`.

    public_url: how senders address it, without a trailing slash; a proxy
    in front strips its path, if it has one. hints: awaited after events
    were stored. ready: asked by `/readyz`; without it, being up is enough.
    Raises ConfigurationError if two sources claim one route.
    """
    batcher = EventBatcher(recorder, metrics, hints=hints)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await batcher.close()

    doors = [
        StarletteRoute(
            path,
            _Door(by_method, batcher, clock, public_url=public_url, metrics=metrics),
            methods=list(by_method),
        )
        for path, by_method in _by_path(sources).items()
    ]
    health = [
        StarletteRoute("/healthz", _healthz),
        StarletteRoute("/readyz", partial(_readyz, ready)),
    ]
    app = Starlette(
        routes=[*doors, *health],
        exception_handlers={HTTPException: _plain_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _by_path(sources: Sequence[EventSource]) -> Mapping[str, Mapping[str, EventSource]]:
    paths: dict[str, dict[str, EventSource]] = {}
    for source in sources:
        for route in source.routes:
            by_method = paths.setdefault(route.path, {})
            other = by_method.setdefault(route.method.upper(), source)
            if other is not source:
                raise ConfigurationError(
                    f"the event sources {other.name} and {source.name} both claim "
                    f"{route.method} {route.path}"
                )
    return paths


class _Door:
    """The ASGI endpoint of one path. A class, so that Starlette calls it without wrapping."""

    def __init__(
        self,
        by_method: Mapping[str, EventSource],
        batcher: EventBatcher,
        clock: Clock,
        *,
        public_url: str,
        metrics: IntakeMetrics,
    ) -> None:
        self._by_method = by_method
        self._batcher = batcher
        self._clock = clock
        self._public_url = public_url
        self._refused = metrics.events_refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = scope["method"] == "HEAD"
        source = self._by_method["GET" if head else scope["method"]]
        try:
            request = await read_request(
                scope,
                receive,
                max_body_bytes=source.max_body_bytes,
                public_url=self._public_url,
                received_at=self._clock.now(),
            )
        except ClientDisconnect:
            return
        except EventRejected as error:
            # The rest of the body is not read, so the connection cannot go on.
            self._count(source, error)
            await send_answer(send, refusal(error), head=head, close=True)
            return
        await send_answer(send, await self._answer(source, request, head=head), head=head)

    async def _answer(self, source: EventSource, request: RawRequest, *, head: bool) -> Answer:
        try:
            answer = source.receive(request)
        except EventRejected as error:
            self._count(source, error)
            return refusal(error)
        except Exception as error:  # noqa: BLE001 - a bug of one source; its message may tell of people
            _log.error("event source failed", source=source.name, error=_whereabouts(error))
            return Answer(status=500, body=b"internal error")
        if answer.status in (403, 404):
            self._refused.labels(source.name, Refusal.SIGNATURE).inc()
        if not answer.events or head:  # HEAD is a look from outside, nobody opened or followed
            return answer
        try:
            await self._batcher.record(answer.events)
        except NotRecorded:
            return unavailable(answer)
        return answer

    def _count(self, source: EventSource, error: EventRejected) -> None:
        reason = Refusal.MALFORMED
        if isinstance(error, SignatureInvalid):
            reason = Refusal.SIGNATURE
        elif error.status in (413, 414):
            reason = Refusal.TOO_LARGE
        self._refused.labels(source.name, reason).inc()


def _whereabouts(error: Exception) -> str:
    """Type and place, without the message, which may hold what a person wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


async def _healthz(_request: Request) -> Response:
    return Response("ok", media_type="text/plain", headers=SECURITY_HEADERS)


async def _readyz(ready: Probe | None, _request: Request) -> Response:
    try:
        if ready is not None:
            async with asyncio.timeout(_PROBE_SECONDS):
                await ready()
    except Exception as error:  # noqa: BLE001 - whatever it is, storage does not answer
        _log.warning("not ready", error=type(error).__name__)
        return Response("not ready", 503, media_type="text/plain", headers=SECURITY_HEADERS)
    return Response("ready", media_type="text/plain", headers=SECURITY_HEADERS)


async def _plain_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    headers = {**SECURITY_HEADERS, **(error.headers or {})}
    return Response(error.detail, error.status_code, media_type="text/plain", headers=headers)
