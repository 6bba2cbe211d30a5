"""What servers may say to a request, and what that is taken for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cadenza.errors import AmbiguousSendError, ConfigurationError, TransientSendError
from senders.http import Answer, HttpApi, HttpSettings, as_json, as_parts

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" + b'{"a": 1}'


class Server:
    """Says `script`, a piece for each request; hangs up after an empty one, and where told.

    came: requests as they came. connections: how many there were.
    """

    def __init__(self) -> None:
        self.script: list[bytes] = []
        self.hangs_up = False
        self.came: list[bytes] = []
        self.connections = 0
        self.port = 0
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writer = writer
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
                self.came.append(head + await reader.readexactly(length))
                said = self.script.pop(0) if self.script else OK
                writer.write(said)
                await writer.drain()
                if self.hangs_up or not said:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    scripted = Server()
    listening = await asyncio.start_server(scripted.serve, "127.0.0.1")
    scripted.port = listening.sockets[0].getsockname()[1]
    yield scripted
    listening.close()


@asynccontextmanager
async def api(server: Server) -> AsyncIterator[HttpApi]:
    made = HttpApi(
        "Provider", f"http://127.0.0.1:{server.port}/v2/", HttpSettings(timeout_seconds=5), {}
    )
    await made.open()
    yield made
    await made.close()


async def begin() -> None:
    """Nothing is against it."""


async def post(made: HttpApi) -> Answer:
    return await made.post("/do", begin, as_json({"x": "é"}))


async def test_a_request_is_written_as_the_rfc_has_it(server: Server) -> None:
    async with api(server) as made:
        assert (await post(made)).document == {"a": 1}
    head, _, body = server.came[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v2/do HTTP/1.1"
    assert {f"Host: 127.0.0.1:{server.port}", "Content-Type: application/json"} <= set(lines)
    assert body == rb'{"x": "\u00e9"}'


@pytest.mark.parametrize(
    ("said", "connections"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 1),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, 1),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"a": 1}\r\n0\r\n\r\n', 1),
        (b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 8\r\n\r\n{"a": 1}', 2),
        (b'HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}', 2),
    ],
    ids=["continue", "hints", "chunked", "close", "1.0"],
)
async def test_every_way_to_answer_is_understood(
    server: Server, said: bytes, connections: int
) -> None:
    server.script = [said]
    async with api(server) as made:
        assert (await post(made)).document == {"a": 1}
        assert (await post(made)).document == {"a": 1}
    assert server.connections == connections


async def test_an_answer_without_a_length_ends_with_the_connection(server: Server) -> None:
    server.script, server.hangs_up = [b'HTTP/1.1 200 OK\r\n\r\n{"a": 1}'], True
    async with api(server) as made:
        assert (await post(made)).document == {"a": 1}


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a": 1}',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000,
    ],
    ids=["nothing", "cut head", "cut body", "cut chunk", "not http", "endless header"],
)
async def test_half_an_answer_leaves_it_unknown_and_the_next_request_is_clean(
    server: Server, said: bytes
) -> None:
    server.script, server.hangs_up = [said], True
    async with api(server) as made:
        with pytest.raises(AmbiguousSendError):
            await post(made)
        server.hangs_up = False
        assert (await post(made)).document == {"a": 1}


async def test_a_second_answer_that_nobody_asked_for_is_not_taken_for_the_next(
    server: Server,
) -> None:
    server.script = [OK + OK.replace(b": 1", b": 2"), OK.replace(b'"a": 1', b'"b": 3')]
    async with api(server) as made:
        assert (await post(made)).document == {"a": 1}
        assert (await post(made)).document == {"b": 3}
    assert server.connections == 2


async def test_nothing_leaves_over_a_connection_that_closes_while_it_begins(
    server: Server,
) -> None:
    async with api(server) as made:
        await post(made)

        async def begin_while_it_closes() -> None:
            assert server.writer is not None
            server.writer.transport.abort()
            for _ in range(10):  # turns of the loop, in which this side gets to know
                await asyncio.sleep(0)

        with pytest.raises(TransientSendError):
            await made.post("/do", begin_while_it_closes, as_json({}))
    assert len(server.came) == 1


def test_a_header_cannot_be_broken_out_of() -> None:
    with pytest.raises(ConfigurationError, match="no HTTP header can carry"):
        HttpApi("P", "http://127.0.0.1", HttpSettings(), {"X-API-KEY": "a\r\nHost: evil"})


def test_parts_are_told_apart_by_what_none_of_them_can_hold() -> None:
    first, second = as_parts([("a", "é")]), as_parts([("a", "é")])
    assert first.type != second.type
    assert 'name="a"\r\n\r\né\r\n'.encode() in first.octets
