"""A whole deployment on this machine: environment, ports and processes, for `up` and `demo`."""

import secrets
import shlex
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import structlog

from cadenza.storage import batches, shards
from cadenza.storage.database import Database
from console.process_spec import ProcessSpec, ReadyCheck
from console.processes.common import identity_prefix

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class LocalDeployment:
    """Where everything of one local deployment is.

    env: what its processes are started with. logs: one file a process.
    ports: by process name; `worker-1` … serve only metrics.
    """

    env: Mapping[str, str]
    logs: Path
    ports: Mapping[str, int]
    workers: int

    @property
    def database_url(self) -> str:
        return self.env["CADENZA_DATABASE_URL"]

    def write_env(self, path: Path) -> None:
        """Write a file that a shell sources to use this deployment: `. FILE`. It holds secrets."""
        own = {n: v for n, v in self.env.items() if n.startswith(("CADENZA_", "DEMO_"))}
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(
            "".join(f"export {name}={shlex.quote(value)}\n" for name, value in own.items()),
            encoding="utf-8",
        )

    def specs(self) -> Sequence[ProcessSpec]:
        """Every process, in the order in which they start."""
        return [self._spec(name) for name in process_names(self.workers)]

    def _spec(self, name: str) -> ProcessSpec:
        command = name.partition("-")[0]
        variable = "CADENZA_EXPORTER_PORT" if name == "exporter" else "CADENZA_METRICS_PORT"
        own = {variable: str(self.ports[name])}
        return ProcessSpec(
            name=name,
            argv=[sys.executable, "-m", "console.processes", command],
            env={**self.env, **own},
            log_path=self.logs / f"{name}.log",
            ready=answers(f"http://127.0.0.1:{self.ports[name]}/healthz"),
            stop_timeout_seconds=20.0,
        )


def process_names(workers: int) -> Sequence[str]:
    """The processes of a deployment with this many workers."""
    return (
        "gateway",
        "mailbox",
        *(f"worker-{n}" for n in range(1, workers + 1)),
        "scheduler",
        "exporter",
    )


def free_ports(names: Sequence[str]) -> Mapping[str, int]:
    """A free TCP port on loopback for each name."""
    with ExitStack() as stack:
        return {name: _free_port(stack) for name in names}


def _free_port(stack: ExitStack) -> int:
    # All stay open until all are chosen, so that they differ.
    probe = stack.enter_context(socket.socket())
    probe.bind(("127.0.0.1", 0))
    port: int = probe.getsockname()[1]
    return port


def secret_key(path: Path) -> str:
    """The signing key kept in `path`, made on first use, readable by us alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), encoding="ascii")
    return path.read_text(encoding="ascii")


def instance_name(data_dir: Path) -> str:
    """What the deployment on this data folder is called; a copy of the folder has another name.

    A copied file is another one to the file system, wherever it lies.
    """
    path = data_dir / "instance"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(8), encoding="ascii")
    return f"{path.read_text(encoding='ascii')}-{path.stat().st_ino}"


def answers(url: str) -> ReadyCheck:
    """Ready when `url` answers with success."""

    async def check() -> bool:
        async with httpx.AsyncClient(timeout=2.0) as client:
            return (await client.get(url)).is_success

    return check


async def release_leases(database_url: str, name: str, pid: int, status: int) -> None:
    """A process was seen dead: what it held is free at once instead of when its leases end."""
    log.warning("process_died", process=name, pid=pid, status=status)
    dead = identity_prefix(pid)
    async with Database(database_url, pool_size=1) as database, database.transaction() as tx:
        await batches.expire_worker(tx, dead)
        await shards.release(tx, dead)
