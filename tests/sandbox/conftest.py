"""Fixtures: a running outside world, and the counterparts it talks to."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.main import Sandbox
from sandbox.settings import SandboxSettings
from tests.sandbox.world import ClockFile, Gateway, Inbound

Begin = Callable[..., Awaitable[Sandbox]]


@pytest.fixture
def clock(tmp_path: Path) -> ClockFile:
    return ClockFile(tmp_path / "clock")


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    await gateway.start()
    yield gateway
    await gateway.stop()


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
