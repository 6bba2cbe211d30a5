"""The small HTTP server and client, against others and against each other."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.activity import Activity, Faults, HttpFaults, SmtpFaults
from sandbox.http_client import NoAnswer, WebClient
from sandbox.http_server import HttpConnection, Request, Response, json_response
from sandbox.settings import WebSettings
from tests.sandbox.world import DyingServer, Gateway, Hit, eventually
from tests.support.eventually import PATIENCE_SECONDS

ALWAYS_HANGING = Faults(smtp=SmtpFaults(), http=HttpFaults(hang=1000))


@pytest.fixture
async def activity() -> Activity:
    return Activity()


@pytest.fixture
async def url(activity: Activity) -> AsyncIterator[str]:
    def handle(request: Request) -> Response:
        if request.path == "/bug":
            raise RuntimeError("bug")
        document = {
            "method": request.method,
            "path": request.path,
            "parameters": request.parameters,
            "size": len(request.body),
        }
        return json_response(200, document)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: HttpConnection(handle, activity, None), "127.0.0.1", 0
    )
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await hang_up(activity)


async def hang_up(activity: Activity) -> None:
    for transport in activity.connections:
        transport.abort()
    await eventually(lambda: not activity.connections, "all connections are closed")


@pytest.fixture
async def client() -> AsyncIterator[WebClient]:
    client = WebClient(WebSettings(give_up_seconds=5, timeout_seconds=2))
    yield client
    await client.close()


async def test_requests_are_understood(url: str, activity: Activity) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        answer = await client.post(f"{url}/a%20b?x=1&x=2&y=%C3%A9", content=b"12345")
        again = await client.get(f"{url}/")
        missing = await client.get(f"{url}/bug")
    assert answer.json() == {
        "method": "POST",
        "path": "/a b",
        "parameters": {"x": "1", "y": "é"},
        "size": 5,
    }
    assert again.status_code == 200
    assert missing.status_code == 500
    assert activity.in_progress == 0


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000, b"413"),
        (b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1_100_000, b"413"),
        (b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", b"100"),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b"200"),
    ],
)
async def test_odd_requests_are_answered_too(
    url: str, activity: Activity, data: bytes, status: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(data)
    assert (await reader.readline()).split(b" ")[1] == status
    writer.transport.abort()
    await eventually(lambda: activity.in_progress == 0, "the request is forgotten")


async def test_a_half_request_counts_as_in_progress(url: str, activity: Activity) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(b"GET / HTTP/1.1\r\n")
    await eventually(lambda: activity.in_progress == 1, "the request has begun")
    writer.transport.abort()
    await eventually(lambda: activity.in_progress == 0, "the request is forgotten")


async def test_the_client_keeps_connections(
    client: WebClient, url: str, activity: Activity
) -> None:
    for _ in range(5):
        assert (await client.request("GET", f"{url}/x", headers={})).is_good
    assert len(activity.connections) == 1


async def test_the_client_bounds_its_connections(url: str, activity: Activity) -> None:
    client = WebClient(WebSettings(connections_per_host=3))
    await asyncio.gather(*[client.request("GET", url, headers={}) for _ in range(20)])
    assert len(activity.connections) == 3
    await client.close()


async def test_the_client_works_with_uvicorn(client: WebClient, gateway: Gateway) -> None:
    def answer(hit: Hit) -> tuple[int, dict[str, str], bytes]:
        return 303, {"Location": "/elsewhere"}, hit.body * 1000

    gateway.answer = answer
    for _ in range(2):
        got = await client.request("POST", f"{gateway.url}/p?q=1", headers={"A": "b"}, body=b"xy")
        assert (got.status, got.location, got.body) == (303, "/elsewhere", b"xy" * 1000)
        assert got.is_good
    assert [(hit.path, hit.query, hit.headers["a"]) for hit in gateway.hits] == [
        ("/p", "q=1", "b")
    ] * 2


async def test_errors_of_the_server_are_tried_again(client: WebClient, gateway: Gateway) -> None:
    statuses = [500, 503, 429, 204]
    gateway.answer = lambda _hit: (statuses[len(gateway.hits) - 1], {}, b"")
    assert (await client.request("GET", gateway.url, headers={})).status == 204
    assert len(gateway.hits) == 4


async def test_refusals_are_not_tried_again(client: WebClient, gateway: Gateway) -> None:
    gateway.answer = lambda _hit: (404, {}, b"")
    answer = await client.request("GET", gateway.url, headers={})
    assert (answer.status, answer.is_good, len(gateway.hits)) == (404, False, 1)


async def test_a_server_that_comes_back_is_found(client: WebClient) -> None:
    dying = await DyingServer.start()
    request = asyncio.ensure_future(
        client.request("GET", f"http://127.0.0.1:{dying.port}/", headers={})
    )
    await eventually(lambda: dying.connections >= 2, "it was tried again")
    await dying.stop()
    seen = Activity()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpConnection(lambda _: json_response(200, {}), seen, None),
        "127.0.0.1",
        dying.port,
    )
    assert (await request).status == 200
    server.close()
    await hang_up(seen)


async def test_a_kept_connection_that_was_closed_is_no_failure() -> None:
    """A server may close between two requests; the next one simply takes a new connection."""
    client = WebClient(WebSettings(give_up_seconds=0))
    connections = ended = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, ended
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.read(1)  # the next request arrives, and is met with a closed door
        writer.transport.abort()
        ended += 1

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    for _ in range(3):
        assert (await client.request("GET", url, headers={})).status == 200
    assert connections == 3
    await client.close()
    await eventually(lambda: ended == 3, "all connections are closed")
    server.close()


async def test_silence_ends_in_no_answer() -> None:
    client = WebClient(WebSettings(give_up_seconds=0, timeout_seconds=0.02))
    seen = Activity()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpConnection(lambda _: json_response(200, {}), seen, ALWAYS_HANGING),
        "127.0.0.1",
        0,
    )
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(NoAnswer, match="TimeoutError"):
        await client.request("GET", f"http://127.0.0.1:{port}/", headers={})
    server.close()
    await hang_up(seen)
    with pytest.raises(NoAnswer, match="ConnectionRefused"):
        await client.request("GET", f"http://127.0.0.1:{port}/", headers={})
    await client.close()


@pytest.mark.parametrize(
    "url", ["https://example.com/", "https://127.0.0.1/", "http://[::1", "ftp://127.0.0.1/", "x"]
)
async def test_the_client_stays_in_its_world(client: WebClient, url: str) -> None:
    assert not client.reaches(url)
    with pytest.raises(ValueError, match="outside"):
        await client.request("GET", url, headers={})
