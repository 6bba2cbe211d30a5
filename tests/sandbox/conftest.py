"""Fixtures: a running outside world, and the counterparts it talks to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from sandbox.main import Sandbox
from sandbox.settings import SandboxSettings
from tests.sandbox.world import ClockFile, Gateway, Inbound, QuietServer, eventually

Begin = Callable[..., Awaitable[Sandbox]]


@pytest.fixture
def clock(tmp_path: Path) -> ClockFile:
    return ClockFile(tmp_path / "clock")


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    config = uvicorn.Config(
        gateway.app,
        port=0,
        interface="asgi3",
        lifespan="off",
        ws="none",
        log_level="critical",
        access_log=False,
    )
    server = QuietServer(config)
    task = asyncio.ensure_future(server.serve())
    await eventually(lambda: server.started or task.done(), "uvicorn starts")
    gateway.port = server.servers[0].sockets[0].getsockname()[1]
    yield gateway
    server.should_exit = True
    server.force_exit = True
    await task


@pytest.fixture
async def inbound() -> AsyncIterator[Inbound]:
    inbound = Inbound()
    await inbound.start()
    yield inbound
    await inbound.stop()


@pytest.fixture
async def begin(tmp_path: Path, clock: ClockFile) -> AsyncIterator[Begin]:
    """Start a sandbox with these settings; it ends with the test."""
    async with AsyncExitStack() as stack:
        started = 0

        async def start(**settings: Any) -> Sandbox:
            nonlocal started
            started += 1
            document = {
                "var_dir": str(tmp_path / f"var{started}"),
                "clock_file": str(clock.path),
                **settings,
            }
            sandbox = Sandbox(SandboxSettings.model_validate(document))
            stack.push_async_callback(sandbox.close)
            await sandbox.start()
            return sandbox

        yield start
