"""The life of one supervised process: start, watch, restart, stop."""

import asyncio
import contextlib
import os
import subprocess
import time

import structlog

from console.embedded.process import ended, kill_group, log_size, log_tail
from console.process_spec import (
    Backoff,
    OnDeath,
    ProcessStartFailed,
    ProcessState,
    ProcessStatus,
    Program,
)

_log = structlog.get_logger(__name__)
_READY_LOOK_SECONDS = 0.02
_REPORTS_TIMEOUT_SECONDS = 5.0


class Child:
    """Keeps one program alive from `begin()` to `stop()`.

    running: its process, if it runs already.
    """

    def __init__(
        self,
        program: Program,
        *,
        backoff: Backoff,
        on_death: OnDeath | None,
        running: subprocess.Popen[bytes] | None = None,
    ) -> None:
        self._program = program
        self._backoff = backoff
        self._on_death = on_death
        self._process = running
        self._state = ProcessState.STOPPED if running is None else ProcessState.RUNNING
        self._has_run = running is not None
        self._restarts = 0
        self._log_start = 0
        self._was_ready = False
        self._last_no: Exception | None = None
        self._stopping = asyncio.Event()
        self._begun: asyncio.Future[None] | None = None
        self._life: asyncio.Task[None] | None = None
        self._reports: set[asyncio.Task[None]] = set()

    @property
    def status(self) -> ProcessStatus:
        runs = self._process is not None and self._process.returncode is None
        return ProcessStatus(
            name=self._program.name,
            pid=self._process.pid if self._process is not None and runs else None,
            restarts=self._restarts,
            state=self._state,
        )

    def begin(self) -> asyncio.Future[None]:
        """Start it, once. The future is done when it is ready for the first time, or is stopped.

        The future raises ProcessStartFailed if the program ends by itself
        before that, is not ready in time, or cannot be started at all. One
        that a signal killed is started again.
        """
        if self._begun is None:
            self._begun = asyncio.get_running_loop().create_future()
            self._life = asyncio.create_task(self._live(), name=f"supervise {self._program.name}")
        return self._begun

    async def stop(self) -> None:
        """Ask it to stop, kill it if it does not in time, and return when it is gone."""
        self._stopping.set()
        if self._life is None:
            return
        if self._program.stop_signal is None:
            self._life.cancel()
        elif self._process is not None and self._process.returncode is None:
            self._state = ProcessState.STOPPING
            # Not through Popen, which might reap it, and with it the number of its group.
            os.kill(self._process.pid, self._program.stop_signal)
        done, _ = await asyncio.wait({self._life}, timeout=self._program.stop_timeout_seconds)
        if not done:
            self.kill()
            await asyncio.wait({self._life})
        if self._reports:
            await asyncio.wait(self._reports, timeout=_REPORTS_TIMEOUT_SECONDS)

    def kill(self) -> None:
        """SIGKILL it at once with what it started, for good; not what is only watched."""
        self._stopping.set()
        if self._program.stop_signal is not None:
            self._kill_process()

    def _kill_process(self) -> None:
        if self._process is not None:
            kill_group(self._process)

    async def _live(self) -> None:
        try:
            await self._start_again_and_again()
        except ProcessStartFailed as error:
            self._tell_begun(error)
        finally:
            self._state = ProcessState.STOPPED
            self._tell_begun(None)

    async def _start_again_and_again(self) -> None:
        delay = self._backoff.first_seconds
        while not self._stopping.is_set():
            began = time.monotonic()
            await self._live_once()
            if self._stopping.is_set():
                break
            if time.monotonic() - began >= self._backoff.healthy_after_seconds:
                delay = self._backoff.first_seconds
            self._state = ProcessState.BACKING_OFF
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            self._process = None
            delay = min(2 * delay, self._backoff.longest_seconds)

    async def _live_once(self) -> None:
        process = self._running_process()
        if process is None:
            return
        exited = asyncio.create_task(ended(process))
        try:
            late = not await self._is_ready_in_time(exited)
            if late:
                self._kill_process()
            await exited
        finally:
            exited.cancel()
        kill_group(process)
        self._note_end(process.pid, process.wait(), late=late)

    def _running_process(self) -> subprocess.Popen[bytes] | None:
        """The process that runs, started if need be; None if it could not be restarted now."""
        if self._process is None:
            self._log_start = log_size(self._program.log_path)
            self._state = ProcessState.STARTING
            try:
                self._process = self._program.spawn()
            except OSError as error:
                if not self._was_ready:
                    raise self._start_failure(f"cannot be started: {error}") from error
                _log.warning("process cannot be started", process=self._program.name, error=error)
            self._restarts += self._has_run
            self._has_run = True
        return self._process

    async def _is_ready_in_time(self, exited: asyncio.Task[None]) -> bool:
        """Wait until the process is ready or has ended; False if neither happened in time."""
        looking = asyncio.create_task(self._look_until_ready())
        try:
            await asyncio.wait(
                {looking, exited},
                timeout=self._program.ready_timeout_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if looking.done() and not exited.done():
                self._note_ready()
            return looking.done() or exited.done()
        finally:
            looking.cancel()

    async def _look_until_ready(self) -> None:
        while True:
            try:
                if await self._program.is_ready():
                    return
            except Exception as error:  # noqa: BLE001 - whatever it raises, it is not a yes
                self._last_no = error
            await asyncio.sleep(_READY_LOOK_SECONDS)

    def _note_ready(self) -> None:
        self._was_ready = True
        if not self._stopping.is_set():
            self._state = ProcessState.RUNNING
        self._tell_begun(None)
        _log.info("process is ready", process=self._program.name, pid=self.status.pid)

    def _note_end(self, pid: int, exit_status: int, *, late: bool) -> None:
        as_asked = exit_status in (0, -(self._program.stop_signal or 0))
        if self._stopping.is_set() and as_asked:
            return
        _log.warning(
            "process ended",
            process=self._program.name,
            pid=pid,
            exit_status=exit_status,
            log=str(self._program.log_path),
        )
        if self._on_death is not None:
            report = asyncio.create_task(self._report_death(self._on_death, pid, exit_status))
            self._reports.add(report)
            report.add_done_callback(self._reports.discard)
        if self._was_ready or self._stopping.is_set():
            return
        if late:
            what = f"was not ready after {self._program.ready_timeout_seconds:g} s"
            raise self._start_failure(f"{what} ({self._last_no})" if self._last_no else what)
        if exit_status >= 0:
            raise self._start_failure(f"ended at its start with status {exit_status}")

    async def _report_death(self, on_death: OnDeath, pid: int, exit_status: int) -> None:
        try:
            await on_death(self._program.name, pid, exit_status)
        except Exception:  # noqa: BLE001 - whatever the caller does, supervision goes on
            _log.exception("death could not be reported", process=self._program.name, pid=pid)

    def _start_failure(self, what: str) -> ProcessStartFailed:
        tail = log_tail(self._program.log_path, since=self._log_start)
        return ProcessStartFailed(self._program.name, what, self._program.log_path, tail)

    def _tell_begun(self, error: Exception | None) -> None:
        if self._begun is None or self._begun.done():
            return
        if error is None:
            self._begun.set_result(None)
        else:
            self._begun.set_exception(error)
            # Looked at here, so that asyncio does not warn when another process failed first.
            self._begun.exception()
