"""What a request to an HTTP provider costs this process: over httpx, and over `senders.http`.

Both post the same small JSON documents over four kept connections to a
server in a process of its own, turn by turn, and await a hook just before
each request leaves. Measured is the time of this process's processor.
"""

import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.connection import Connection as Pipe
from typing import Any, cast

import httpx
import uvloop

from senders.http import HttpApi, HttpSettings, as_json

REQUESTS = 500
ROUNDS = 7
AT_ONCE = 4
DOCUMENT = {"account_id": "uni-1", "provider_id": "ACoAA-elodie", "message": "Bonjour " * 25}
_BODY = b'{"object": "UserInvitationSent", "invitation_id": "i1"}'
_HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

Post = Callable[[], Awaitable[Mapping[str, Any]]]


class _Provider(asyncio.Protocol):
    """Answers whatever ends like the documents that come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"}"):
            self._transport.write(_HEAD % len(_BODY) + _BODY)


async def _serve(pipe: Pipe) -> None:
    server = await asyncio.get_running_loop().create_server(_Provider, "127.0.0.1")
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _provide(pipe: Pipe) -> None:
    uvloop.run(_serve(pipe))


@contextmanager
def provider() -> Iterator[int]:
    """The port of a provider in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_provide, args=(theirs,))
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


@asynccontextmanager
async def over_httpx(port: int) -> AsyncIterator[Post]:
    """As the senders did it first."""
    limits = httpx.Limits(max_connections=AT_ONCE, keepalive_expiry=4)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", limits=limits, verify=False, trust_env=False
    ) as client:

        async def hear(_event: str, _info: Mapping[str, Any]) -> None:
            """Where `begin` was awaited."""

        async def post() -> Mapping[str, Any]:
            request = client.build_request(
                "POST", "/invite", json=DOCUMENT, extensions={"trace": hear}
            )
            response = await client.send(request, stream=True)
            try:
                found: Mapping[str, Any] = json.loads(await response.aread())
            finally:
                await response.aclose()
            return found

        yield post


@asynccontextmanager
async def over_ours(port: int) -> AsyncIterator[Post]:
    """As they do it now."""
    api = HttpApi("Provider", f"http://127.0.0.1:{port}", HttpSettings(connections=AT_ONCE), {})
    await api.open()

    async def begin() -> None:
        """Nothing is against it."""

    async def post() -> Mapping[str, Any]:
        return (await api.post("/invite", begin, as_json(DOCUMENT))).document

    yield post
    await api.close()


async def cost(post: Post) -> float:
    """Microseconds of processor for each of `REQUESTS`."""
    waiting = iter(range(REQUESTS))

    async def work() -> None:
        for _ in waiting:
            assert (await post())["invitation_id"] == "i1"

    before = time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return 1e6 * (time.process_time() - before) / REQUESTS


async def compare(port: int) -> None:
    """Take turns, and print the medians and the ratios pair by pair."""
    async with over_httpx(port) as theirs, over_ours(port) as ours:
        await asyncio.gather(cost(theirs), cost(ours))  # warm up
        pairs = [(await cost(theirs), await cost(ours)) for _ in range(ROUNDS)]
    for name, some in zip(("httpx", "senders.http"), zip(*pairs, strict=True), strict=True):
        print(f"  {name:14} {statistics.median(some):6.0f} µs a request")
    ratios = sorted(a / b for a, b in pairs)
    print(f"  ratio {statistics.median(ratios):.1f} (from {ratios[0]:.1f} to {ratios[-1]:.1f})")


def main() -> None:
    """Measure and print."""
    with provider() as port:
        uvloop.run(compare(port))


if __name__ == "__main__":
    main()
