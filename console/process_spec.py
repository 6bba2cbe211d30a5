"""What a supervisor keeps alive, and how that is seen from outside."""

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cadenza.errors import ConfigurationError
from console.embedded import EmbeddedServer
from console.embedded.process import spawn

_SERVER_READY_TIMEOUT_SECONDS = 120.0  # crash recovery, or reading a long append-only file

ReadyCheck = Callable[[], Awaitable[bool]]
"""Tells whether a process does its work now. Whatever it raises counts as a no."""

OnDeath = Callable[[str, int, int], Awaitable[None]]
"""Called with name, process number and exit status; a negative status is minus a signal."""


class ProcessState(StrEnum):
    """What a supervised process does now."""

    STARTING = "starting"
    RUNNING = "running"
    BACKING_OFF = "backing off"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class ProcessStatus:
    """What can be seen of a process. pid: None when it does not run. restarts: since the start."""

    name: str
    pid: int | None
    restarts: int
    state: ProcessState


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """How long to wait before a restart: doubles up to the longest, begins anew after health."""

    first_seconds: float = 0.1
    longest_seconds: float = 30.0
    healthy_after_seconds: float = 60.0


class ProcessStartFailed(ConfigurationError):
    """A process ended by itself, or was not ready in time, at its first start."""

    def __init__(self, name: str, what: str, log_path: Path, tail: str) -> None:
        super().__init__(f"The process {name} {what}. The end of {log_path}:\n{tail}")
        self.name = name
        self.log_path = log_path


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """A process to keep alive.

    name: unique within its supervisor. argv: the program and its
    arguments. env: its whole environment. log_path: its output and errors
    are appended there. ready: asked until it says yes; None if the process
    is ready once it runs. stop_signal asks it to stop; after
    stop_timeout_seconds it is killed.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log_path: Path
    ready: ReadyCheck | None = None
    ready_timeout_seconds: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_seconds: float = 10.0

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it. The kernel kills it when we die: a stop signal it could sit out."""
        return spawn(
            self.argv,
            env=self.env,
            log_path=self.log_path,
            death_signal=signal.SIGKILL,
        )

    async def is_ready(self) -> bool:
        return self.ready is None or await self.ready()


class WatchedServer:
    """An embedded server that runs already; the one who started it will stop it."""

    stop_signal = None
    stop_timeout_seconds = 0.0
    ready_timeout_seconds = _SERVER_READY_TIMEOUT_SECONDS

    def __init__(self, server: EmbeddedServer) -> None:
        self.name: str = server.name
        self.log_path = server.log_path
        self._server = server

    def spawn(self) -> subprocess.Popen[bytes]:
        return self._server.spawn()

    async def is_ready(self) -> bool:
        return await asyncio.to_thread(self._server.is_ready)


class Program(Protocol):
    """What `Child` keeps alive: a `ProcessSpec` or a `WatchedServer`.

    stop_signal: None for a program that runs on when it is no longer watched.
    """

    @property
    def name(self) -> str: ...
    @property
    def log_path(self) -> Path: ...
    @property
    def ready_timeout_seconds(self) -> float: ...
    @property
    def stop_signal(self) -> signal.Signals | None: ...
    @property
    def stop_timeout_seconds(self) -> float: ...
    def spawn(self) -> subprocess.Popen[bytes]: ...
    async def is_ready(self) -> bool: ...
