"""deploy/valkey.conf, on a real server."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from console.embedded.binaries import find_valkey
from tests.deploy.compose import ROOT, compose, required_variables
from tests.support.eventually import eventually

PASSWORD = "0123456789abcdef"


def _client(socket: Path) -> Redis:
    return Redis(
        unix_socket_path=str(socket),
        password=PASSWORD,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


@pytest.fixture
async def socket(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The socket of a server with our file, in a folder of the test."""
    (tmp_path / "auth.conf").write_text(f"requirepass {PASSWORD}\n")
    text = (ROOT / "deploy" / "valkey.conf").read_text(encoding="utf-8")
    text = text.replace("/run/secrets/valkey_auth.conf", str(tmp_path / "auth.conf"))
    text = re.sub("^port .*$", "port 0", text, flags=re.MULTILINE)
    text = re.sub("^dir .*$", f"dir {tmp_path}", text, flags=re.MULTILINE)
    socket = tmp_path_factory.getbasetemp() / "v.sock"  # the name of a socket must be short
    (tmp_path / "valkey.conf").write_text(f"{text}\nunixsocket {socket}\n")
    server = await asyncio.create_subprocess_exec(
        find_valkey(), tmp_path / "valkey.conf", stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await eventually(lambda: _listens(socket))
        yield socket
    finally:
        server.terminate()
        await server.wait()


async def _listens(socket: Path) -> bool:
    async with _client(socket) as client:
        try:
            return bool(await client.ping())
        except redis.exceptions.ConnectionError:
            return False


async def test_the_file_is_accepted_and_means_what_it_says(socket: Path) -> None:
    async with _client(socket) as client:
        settings = await client.config_get("*")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["save"] == ""
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["requirepass"] == PASSWORD


async def test_nobody_gets_in_without_the_password(socket: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(b"PING\r\n")
    assert (await reader.readline()).startswith(b"-NOAUTH")
    writer.close()
    await writer.wait_closed()


async def test_memory_stays_below_the_limit_of_the_container(socket: Path) -> None:
    async with _client(socket) as client:
        maxmemory = int((await client.config_get("maxmemory"))["maxmemory"] or 0)
    limit = compose(required_variables()).services["valkey"].deploy["resources"]["limits"]["memory"]
    assert limit == "512M"
    assert 0 < maxmemory <= 0.8 * 512 * 1024**2
