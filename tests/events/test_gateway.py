"""The gateway on real sockets: bounds, acknowledgements, health, silence."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import ClassVar, NamedTuple, Self

import pytest
import pytest_asyncio
import structlog
from prometheus_client import CollectorRegistry

from cadenza.abc import EventSource
from cadenza.accounts import Accounts
from cadenza.clock import WallClock
from cadenza.errors import ConfigurationError
from cadenza.links import LinkSigner
from cadenza.model import Answer, Event, EventType, RawRequest, Route, TouchId, TouchRef
from cadenza.settings import Settings
from events import requests, serving
from events.gateway import gateway_app
from events.sources.click import ClickSource
from events.sources.open_pixel import TRANSPARENT_GIF, OpenPixelSource
from events.sources.unsubscribe import UnsubscribeSource
from monitoring.metrics import IntakeMetrics
from tests.events.support import LINKS, PUBLIC_URL, SIGNER, Gateway, MemoryRecorder, gateway
from tests.support.eventually import eventually, in_time

TOUCH = TouchId(7)


class EchoSource(EventSource):
    """Takes bodies of up to 10 bytes and remembers the requests that it got."""

    name = "echo"
    max_body_bytes: ClassVar[int] = 10

    def __init__(self) -> None:
        self.requests: list[RawRequest] = []

    @classmethod
    def from_settings(cls, settings: Settings, signer: LinkSigner, accounts: Accounts) -> Self:
        return cls()

    @property
    def routes(self) -> Sequence[Route]:
        return (Route(method="POST", path="/echo/{word}"),)

    def receive(self, request: RawRequest) -> Answer:
        self.requests.append(request)
        if request.body == b"bug":
            raise ValueError("the secret of ann@example.com")
        event = Event(
            source=self.name,
            external_id=request.body.decode(),
            type=EventType.OPENED,
            occurred_at=request.received_at,
            about=(TouchRef(touch_id=TOUCH),),
        )
        return Answer(events=(event,), body=request.body)


pytestmark = pytest.mark.asyncio(loop_scope="module")


class _Shared(NamedTuple):
    gateway: Gateway
    recorder: MemoryRecorder
    echo: EchoSource


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[_Shared]:
    """One gateway for all tests here, because uvicorn takes its time to stop."""
    recorder, echo = MemoryRecorder(), EchoSource()
    sources = [
        echo,
        OpenPixelSource(SIGNER),
        ClickSource(SIGNER),
        UnsubscribeSource(SIGNER, "Example"),
    ]
    async with gateway(sources, recorder) as running:
        yield _Shared(running, recorder, echo)


@pytest.fixture
def served(shared: _Shared) -> Gateway:
    shared.recorder.reset()
    shared.echo.requests.clear()
    return shared.gateway


@pytest.fixture
def recorder(served: Gateway, shared: _Shared) -> MemoryRecorder:
    return shared.recorder


@pytest.fixture
def echo(served: Gateway, shared: _Shared) -> EchoSource:
    return shared.echo


async def _raw(port: int, data: bytes) -> bytes:
    """Send bytes, return all that comes back until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        async with in_time():
            return await reader.read()
    finally:
        writer.close()


async def test_an_event_is_stored_and_then_acknowledged(
    served: Gateway, recorder: MemoryRecorder
) -> None:
    answer = await served.http.post("/echo/hello", content=b"one")
    assert (answer.status_code, answer.content) == (200, b"one")
    assert [event.external_id for event in recorder.events] == ["one"]
    assert served.counted("cadenza_events_recorded_total", source="echo", type="opened") >= 1


async def test_a_source_sees_the_url_as_it_was_sent_to_the_public_host(
    served: Gateway, echo: EchoSource
) -> None:
    await served.http.post("/echo/a%20b?x=%41&y=1&x=2", content=b"one", headers={"X-Some": "first"})
    [request] = echo.requests
    assert request.url == PUBLIC_URL + "/echo/a%20b?x=%41&y=1&x=2"
    assert request.path_params == {"word": "a b"}
    assert request.query == {"x": "A", "y": "1"}
    assert request.headers["x-some"] == "first"


async def test_while_storage_is_down_nothing_is_acknowledged(
    served: Gateway, recorder: MemoryRecorder
) -> None:
    recorder.down = True
    for method, url in (
        ("POST", "/echo/x"),
        ("GET", LINKS.pixel(TOUCH)),
        ("GET", LINKS.click(TOUCH, "https://example.com/a?b=c&d")),
        ("POST", LINKS.unsubscribe(TOUCH)),
    ):
        answer = await served.http.request(method, served.path(url))
        assert answer.status_code == 503, url
        assert answer.headers["retry-after"] == "5"
    assert recorder.events == []
    assert served.counted("cadenza_events_refused_total", source="click", reason="unavailable") == 1

    recorder.down = False
    assert (await served.http.get(served.path(LINKS.pixel(TOUCH)))).status_code == 200
    assert len(recorder.events) == 1


async def test_who_follows_a_link_while_storage_is_down_can_go_on_by_hand(
    served: Gateway, recorder: MemoryRecorder
) -> None:
    recorder.down = True
    link = LINKS.click(TOUCH, 'https://example.com/a?b="c"&d')
    answer = await served.http.get(served.path(link))
    assert 'href="https://example.com/a?b=%22c%22&amp;d"' in answer.text


async def test_a_body_that_says_that_it_is_too_large_is_refused_unread(
    served: Gateway, echo: EchoSource
) -> None:
    head = b"POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
    answer = await _raw(served.port, head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer
    assert echo.requests == []
    refused = served.counted("cadenza_events_refused_total", source="echo", reason="too_large")
    assert refused >= 1


async def test_a_body_that_does_not_say_its_size_is_bounded_while_it_streams(
    served: Gateway, echo: EchoSource
) -> None:
    head = b"POST /echo/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await _raw(served.port, head + b"6\r\nabcdef\r\n" * 3)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert echo.requests == []


async def test_a_body_of_exactly_the_limit_is_taken(served: Gateway) -> None:
    assert (await served.http.post("/echo/x", content=b"0123456789")).status_code == 200


async def test_a_body_that_does_not_arrive_is_given_up(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_BODY_SECONDS", 0.05)
    head = b"POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"
    assert (await _raw(served.port, head)).startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_leaves_in_its_body_disturbs_nobody(
    served: Gateway, echo: EchoSource
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
    await writer.drain()
    writer.close()
    assert (await served.http.post("/echo/x", content=b"next")).status_code == 200
    assert [request.body for request in echo.requests] == [b"next"]


async def test_an_endless_url_is_refused(served: Gateway) -> None:
    answer = await served.http.get("/o/x.gif?" + "a" * requests.MAX_URL_BYTES)
    assert answer.status_code == 414


async def test_endless_headers_are_refused(served: Gateway) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-More: and more\r\n" * 20_000
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head)
    async with in_time():
        with suppress(ConnectionResetError):  # hung up on while we were still talking: as good
            assert b"431 " in await reader.read()
    writer.close()


async def test_a_head_that_does_not_arrive_is_given_up(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_HEAD_SECONDS", 0.05)
    assert await _raw(served.port, b"GET /healthz HTTP/1.1\r\nHo") == b""


async def test_a_line_end_does_not_keep_a_connection_open(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_HEAD_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\nok")
    writer.write(b"\r\n")
    async with in_time():
        assert await reader.read() == b""
    writer.close()


async def test_a_body_that_nobody_reads_does_not_keep_a_connection_open(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_HEAD_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx")
    await reader.readuntil(b"\r\n\r\nok")
    writer.write(b"x")
    async with in_time():
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    ("body", "endless"),
    [(b"1\r\nx\r\n0\r\n", b"X-More: and more\r\n"), (b"1;a=", b"a")],
    ids=["trailers", "chunk extensions"],
)
async def test_what_is_no_body_is_bounded_behind_the_head_too(
    served: Gateway, body: bytes, endless: bytes
) -> None:
    head = b"POST /echo/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head + body)
    sent = 0
    async with in_time():
        with suppress(ConnectionError):
            while sent < 20_000_000:
                writer.write(endless * (65_536 // len(endless)))
                await writer.drain()
                sent += 65_536
    assert sent < 20_000_000
    with suppress(ConnectionError):
        writer.close()
        await writer.wait_closed()
    del reader


async def test_keep_alive_connections_outlive_the_limit_for_one_head(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    for _ in range(3):
        writer.write(request)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert await reader.readexactly(2) == b"ok"
    writer.close()


async def test_unknown_paths_and_methods_are_refused(served: Gateway) -> None:
    assert (await served.http.get("/nothing")).status_code == 404
    assert (await served.http.head("/nothing")).status_code == 404
    assert (await served.http.get("/echo/x")).status_code == 405
    assert (await served.http.get(served.path(LINKS.pixel(TOUCH)) + "/")).status_code == 404


async def test_head_is_answered_and_records_nothing(
    served: Gateway, recorder: MemoryRecorder
) -> None:
    answer = await served.http.head(served.path(LINKS.pixel(TOUCH)))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(TRANSPARENT_GIF))
    click = await served.http.head(served.path(LINKS.click(TOUCH, "https://example.com/")))
    assert click.status_code == 302
    assert recorder.events == []


@pytest.mark.parametrize("path", ["/o/x.gif", "/c/x", "/u/x", "/healthz", "/readyz", "/none"])
async def test_every_answer_carries_the_security_headers(served: Gateway, path: str) -> None:
    headers = (await served.http.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-robots-tag"] == "noindex"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers


async def test_a_bug_in_one_source_is_answered_tersely_and_logged_without_its_message(
    served: Gateway, recorder: MemoryRecorder
) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await served.http.post("/echo/x", content=b"bug")
    assert (answer.status_code, answer.text) == (500, "internal error")
    [entry] = logs
    assert entry["source"] == "echo"
    assert "ValueError at " in entry["error"]
    assert "ann@example.com" not in str(logs)
    assert (await served.http.get(served.path(LINKS.pixel(TOUCH)))).status_code == 200


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG, logger="uvicorn"), caplog.at_level(logging.DEBUG):
        yield caplog


async def test_no_log_line_holds_what_was_sent(
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    recorder = MemoryRecorder()
    token = SIGNER.token("open", TOUCH)
    head = f"GET /o/{token}.gif?q=secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    async with gateway([OpenPixelSource(SIGNER)], recorder) as served:
        await _raw(served.port, head)
        recorder.down = True
        await _raw(served.port, head)
    assert len(recorder.events) == 1
    assert token not in everything_logged.text
    assert "secret" not in everything_logged.text


async def test_it_is_ready_while_the_database_answers() -> None:
    recorder = MemoryRecorder()
    trouble: list[Exception] = []

    async def probe() -> None:
        if trouble:
            raise trouble[0]

    async with gateway([], recorder, ready=probe) as served:
        assert (await served.http.get("/readyz")).status_code == 200
        trouble.append(ConnectionError("no route to host db.internal"))
        answer = await served.http.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "not ready")
        assert (await served.http.get("/healthz")).text == "ok"


async def test_workers_hear_of_new_events() -> None:
    recorder = MemoryRecorder()
    hints: list[None] = []

    async def hint() -> None:
        hints.append(None)

    async def heard() -> bool:
        return bool(hints)

    async with gateway([OpenPixelSource(SIGNER)], recorder, hints=hint) as served:
        await served.http.get("/o/wrong.gif")
        assert not hints
        await served.http.get(served.path(LINKS.pixel(TOUCH)))
        await eventually(heard)


async def test_concurrent_requests_share_commits(
    served: Gateway, recorder: MemoryRecorder, echo: EchoSource
) -> None:
    recorder.gate.clear()
    posts = [served.http.post("/echo/x", content=str(number).encode()) for number in range(40)]
    tasks = [asyncio.create_task(post) for post in posts]

    async def all_arrived() -> bool:
        return len(echo.requests) == 40

    await eventually(all_arrived)
    recorder.gate.set()
    answers = await asyncio.gather(*tasks)
    assert {answer.status_code for answer in answers} == {200}
    assert len(recorder.events) == 40
    assert len(recorder.calls) < 20


async def test_two_sources_cannot_claim_one_route() -> None:
    with pytest.raises(ConfigurationError, match="both claim POST /echo/"):
        gateway_app(
            [EchoSource(), EchoSource()],
            MemoryRecorder(),
            WallClock(),
            public_url=PUBLIC_URL,
            metrics=IntakeMetrics(CollectorRegistry()),
        )
