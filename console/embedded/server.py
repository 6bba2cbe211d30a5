"""What the embedded PostgreSQL and Valkey have in common: their lives."""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from cadenza.errors import ConfigurationError
from console.embedded.lock import DataDirLock
from console.embedded.process import end, log_size, log_tail, wait_for_end
from console.embedded.runtime_dir import RuntimeDir, remove_abandoned

START_TIMEOUT_SECONDS = 120.0  # crash recovery, or reading a long append-only file
_READY_LOOK_SECONDS = 0.003
_ORPHANS_TIMEOUT_SECONDS = 10.0
# Nothing of ours that is secret, and no PG* variable that changes what a server does.
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class ServerStartFailed(ConfigurationError):
    """A server ended, or answered nobody, instead of starting. `log_path` says more."""

    def __init__(self, name: str, what: str, log_path: Path, tail: str) -> None:
        super().__init__(f"{name} {what}. The end of {log_path}:\n{tail}")
        self.name = name
        self.log_path = log_path


def server_environment() -> dict[str, str]:
    """The environment of an embedded server."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


class EmbeddedServer(ABC):
    """A database server that lives and dies with this process.

    data_dir: its data goes to a folder of its own in there, its log
    beside that. durable: False trades safety at a power cut for speed,
    for tests; a killed server loses nothing either way.

    Everything that starts a program must be called from the main thread.
    """

    name: ClassVar[str]
    folder_name: ClassVar[str]
    death_signal: ClassVar[signal.Signals]
    stop_stages: ClassVar[Sequence[tuple[signal.Signals, float]]]

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir.resolve()
        self.durable = durable
        self.folder = self.data_dir / self.folder_name
        self.log_path = self.data_dir / f"{self.folder_name}.log"
        self._lock = DataDirLock(self.folder)
        self._runtime_dir: RuntimeDir | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients find it; the same from `launch()` to `stop()`, also over restarts."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers clients now. Takes a moment, never waits."""

    @abstractmethod
    def _prepare(self) -> RuntimeDir:
        """Make data folder and socket folder ready, with the lock held."""

    @abstractmethod
    def _spawn(self) -> subprocess.Popen[bytes]: ...

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running server, or the one that ran last."""
        if self._process is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self) -> None:
        """Start it and return when it answers.

        Raises DataDirInUse at once when another process uses the data,
        ServerStartFailed with the end of its log, ConfigurationError.
        """
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Begin to start it; `wait_until_ready()` does the rest. For two servers side by side."""
        if self._runtime_dir is not None:
            raise RuntimeError(f"{self.name} is started already")
        self._make_data_dir()
        self._lock.acquire()
        try:
            remove_abandoned()
            self._runtime_dir = self._prepare()
            self.spawn()
        except BaseException:
            self.stop()
            raise

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the program anew on the same data and sockets, without waiting.

        For restarts between `launch()` and `stop()`; the last program has ended.
        """
        self._sockets().clear()
        self._log_start = log_size(self.log_path)
        self._process = self._spawn()
        return self._process

    def wait_until_ready(self, timeout_seconds: float = START_TIMEOUT_SECONDS) -> None:
        """Return when it answers clients; if it does not, stop it and raise ServerStartFailed."""
        deadline = time.monotonic() + timeout_seconds
        try:
            while not self.is_ready():
                if wait_for_end(self.process, _READY_LOOK_SECONDS):
                    raise self._failure("did not start")
                if time.monotonic() > deadline:
                    raise self._failure(f"was not ready after {timeout_seconds:g} s")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it in order, and leave nothing but its data and its log. May be repeated.

        A Ctrl-C meanwhile takes effect when it is done.
        """
        interrupt: KeyboardInterrupt | None = None
        while self._runtime_dir is not None or self._lock.is_held:
            try:
                self._end_process()
                self._clean_up()
                self._lock.release()
            except KeyboardInterrupt as error:
                interrupt = error
        if interrupt is not None:
            raise interrupt

    def kill(self) -> None:
        """End it by SIGKILL, as an accident would; `restart()` brings it back."""
        end(self.process, [(signal.SIGKILL, _ORPHANS_TIMEOUT_SECONDS)])
        self._lock.wait_for_others(_ORPHANS_TIMEOUT_SECONDS)

    def restart(self) -> None:
        """Start it again under the same URL and return when it answers; stop it first if it runs.

        Also after a `kill()`, or when something else ended it.
        """
        self._end_process()
        # Children of a killed server end a moment after it, and it cannot start before they do.
        self._lock.wait_for_others(_ORPHANS_TIMEOUT_SECONDS)
        self.spawn()
        self.wait_until_ready()

    def _make_data_dir(self) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The data folder {self.data_dir} cannot be made: {error.strerror}. "
                f"Choose one that you may write to."
            ) from error
        if not os.access(self.data_dir, os.W_OK | os.X_OK):
            raise ConfigurationError(
                f"The data folder {self.data_dir} cannot be written to. Choose another one."
            )

    def _sockets(self) -> RuntimeDir:
        if self._runtime_dir is None:
            raise RuntimeError(f"{self.name} is not started")
        return self._runtime_dir

    def _end_process(self) -> None:
        if self._process is not None:
            end(self._process, self.stop_stages)

    def _clean_up(self) -> None:
        if self._runtime_dir is not None:
            self._runtime_dir.remove()
        self._runtime_dir = None

    def _failure(self, what: str) -> ServerStartFailed:
        tail = log_tail(self.log_path, since=self._log_start)
        return ServerStartFailed(self.name, what, self.log_path, tail)
