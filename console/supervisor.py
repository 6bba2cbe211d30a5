"""Keeps the processes of a deployment alive, from one terminal.

    supervisor = Supervisor(on_death=release_leases)
    supervisor.add(ProcessSpec(name="scheduler", …))
    await supervisor.start()
    await supervisor.run_until_stopped()

The end of a process is noticed at once. It is started again after 0.1 s,
then twice as long each time up to 30 s, and from 0.1 s again once it
lived for 60 s. When the supervisor dies, however it dies, so do they all.
"""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from typing import Any

import structlog

from console.child import Child
from console.embedded import EmbeddedServer
from console.process_spec import (
    Backoff,
    OnDeath,
    ProcessSpec,
    ProcessStartFailed,
    ProcessState,
    ProcessStatus,
    ReadyCheck,
    WatchedServer,
)

__all__ = [
    "Backoff",
    "OnDeath",
    "ProcessSpec",
    "ProcessStartFailed",
    "ProcessState",
    "ProcessStatus",
    "ReadyCheck",
    "Supervisor",
]

_log = structlog.get_logger(__name__)
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Starts processes in the order of `add()` and stops them in reverse order.

    on_death: awaited, in a task of its own, as soon as a process ended
    that was not asked to, or that had to be killed to stop. The restart
    does not wait for it; what it raises is logged.

    Lives in the main thread's event loop, since programs that die with us
    must start from the main thread. From `start()` to the end of `stop()`
    the first SIGINT, SIGTERM or SIGHUP asks to stop in order and the
    second kills.
    """

    def __init__(self, *, on_death: OnDeath | None = None, backoff: Backoff | None = None) -> None:
        self._on_death = on_death
        self._backoff = backoff or Backoff()
        self._children: dict[str, Child] = {}
        self._stop_requested = asyncio.Event()
        self._handled: list[signal.Signals] = []

    @property
    def statuses(self) -> Sequence[ProcessStatus]:
        """Every process as it is now, in the order of `add()`."""
        return tuple(child.status for child in self._children.values())

    @property
    def is_stop_requested(self) -> bool:
        return self._stop_requested.is_set()

    def add(self, spec: ProcessSpec) -> None:
        """Take a process on; the next `start()` starts it. Raises ValueError for a name twice."""
        self._add(Child(spec, backoff=self._backoff, on_death=self._on_death))

    def watch(self, server: EmbeddedServer) -> None:
        """Restart an embedded server, under its URL, whenever it ends, from the next `start()` on.

        `stop()` only ends the watch: the one who started the server stops it.
        """
        self._add(
            Child(
                WatchedServer(server),
                backoff=self._backoff,
                on_death=self._on_death,
                running=server.process,
            )
        )

    async def start(self) -> None:
        """Start what is not started yet, side by side, and return when all of it is ready.

        Returns early when asked to stop. If a process ends by itself
        before it was ever ready, or is not ready in time, stops all and
        raises ProcessStartFailed with the end of its log.
        """
        self._handle_signals()
        try:
            await self._until_ready()
        except BaseException:
            await self.stop()
            raise

    async def run_until_stopped(self) -> None:
        """Keep all alive until a signal or `request_stop()`, then stop all and return."""
        try:
            await self._stop_requested.wait()
        finally:
            await self.stop()

    def request_stop(self) -> None:
        """Ask `run_until_stopped()` to stop all."""
        self._stop_requested.set()

    async def stop(self) -> None:
        """Stop all in reverse order, each within its time, else by SIGKILL. May be repeated."""
        self._stop_requested.set()
        try:
            for child in reversed(self._children.values()):
                await child.stop()
        finally:
            self._forget_signals()

    def kill(self) -> None:
        """SIGKILL every process at once and stop."""
        self._stop_requested.set()
        for child in self._children.values():
            child.kill()

    def _add(self, child: Child) -> None:
        name = child.status.name
        if name in self._children:
            raise ValueError(f"there are two processes of the name {name!r}")
        self._children[name] = child

    async def _until_ready(self) -> None:
        stop = asyncio.create_task(self._stop_requested.wait())
        waiting: set[asyncio.Future[Any]] = {stop}
        waiting.update(child.begin() for child in self._children.values())
        try:
            while not stop.done() and waiting != {stop}:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in done:
                    future.result()
        finally:
            stop.cancel()

    def _on_signal(self) -> None:
        if self._stop_requested.is_set():
            _log.warning("killing all processes")
            self.kill()
        self.request_stop()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            # nohup(1) has us ignore SIGHUP, and we go on ignoring it.
            if number not in self._handled and signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, self._on_signal)
                self._handled.append(number)

    def _forget_signals(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(IndexError):
            while True:
                loop.remove_signal_handler(self._handled.pop())
