"""The embedded Valkey."""

import contextlib
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from console.embedded.binaries import find_valkey
from console.embedded.process import spawn
from console.embedded.runtime_dir import RuntimeDir
from console.embedded.server import EmbeddedServer, server_environment

_SOCKET_NAME = "valkey.sock"
_ANSWER_TIMEOUT_SECONDS = 1.0

_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "databases": "16",
    # Snapshots would only repeat what the append-only file says.
    "save": "",
    "appendonly": "yes",
    # A full server shall refuse, and not forget enrollment messages.
    "maxmemory-policy": "noeviction",
}


class ValkeyServer(EmbeddedServer):
    """Valkey on `<data_dir>/valkey`, reached by a unix socket only, with an append-only file."""

    name: ClassVar[str] = "Valkey"
    folder_name: ClassVar[str] = "valkey"
    death_signal: ClassVar[signal.Signals] = signal.SIGTERM
    stop_stages: ClassVar[Sequence[tuple[signal.Signals, float]]] = (
        (signal.SIGTERM, 20.0),
        (signal.SIGKILL, 10.0),
    )

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        super().__init__(data_dir, durable=durable)
        self._program: Path | None = None

    @property
    def url(self) -> str:
        """`unix:///…/valkey.sock`; add `?db=N` for another database than 0."""
        return f"unix://{quote(str(self._socket_path()), safe='/')}"

    def is_ready(self) -> bool:
        """Whether it answers a PING, which it does not while it reads its file."""
        with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
            client.settimeout(_ANSWER_TIMEOUT_SECONDS)
            client.connect(str(self._socket_path()))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    def _prepare(self) -> RuntimeDir:
        self._program = find_valkey()
        self.folder.mkdir(mode=0o700, exist_ok=True)
        return RuntimeDir.for_sockets(None)

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = _SETTINGS | {
            "dir": str(self.folder),
            "unixsocket": str(self._socket_path()),
            "appendfsync": "everysec" if self.durable else "no",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return spawn(
            [str(self._program), *options],
            env=server_environment(),
            log_path=self.log_path,
            death_signal=self.death_signal,
            cwd=self.folder,
            keep_open=[self._lock.descriptor, self._sockets().descriptor],
        )

    def _socket_path(self) -> Path:
        return self._sockets().path / _SOCKET_NAME
