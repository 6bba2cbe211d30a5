"""The embedded PostgreSQL."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from cadenza.errors import ConfigurationError
from console.embedded.account import Account, account_for_postgres
from console.embedded.binaries import PostgresBinaries, copy_for, find_postgres
from console.embedded.process import end, spawn, wait_for_end
from console.embedded.runtime_dir import RuntimeDir
from console.embedded.server import EmbeddedServer, server_environment

DATABASE = "cadenza"
USER = "cadenza"
_PORT = 5432  # only a part of the socket's name
_CREATE_TIMEOUT_SECONDS = 120.0
_BUILTIN_LOCALE_SINCE = 17
_STATUS_LINE = 7  # of postmaster.pid, counted from 0; see pidfile.h

# On two cores shared with the workers, for short transactions.
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "cluster_name": "cadenza",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_compression": "on",
    "max_logical_replication_workers": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_checkpoints": "off",
    # Statements and the details of errors hold people's names and addresses.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# Commits still reach the kernel, so a killed server keeps them: without fsync, that costs nothing
# that could be measured (90 µs a transaction either way).
_FAST = {"fsync": "off", "synchronous_commit": "on", "full_page_writes": "off"}


class PostgresServer(EmbeddedServer):
    """PostgreSQL on `<data_dir>/postgres`, reached by a unix socket only.

    Makes the cluster at the first start: UTF-8, sorted by code point, UTC,
    with the database and the superuser `cadenza`. As root it runs as
    `nobody`, also where `nobody` reaches neither the programs nor the data.
    """

    name: ClassVar[str] = "PostgreSQL"
    folder_name: ClassVar[str] = "postgres"
    # Fast shutdown: rolls back what is open, writes a checkpoint, needs no recovery.
    death_signal: ClassVar[signal.Signals] = signal.SIGINT
    stop_stages: ClassVar[Sequence[tuple[signal.Signals, float]]] = (
        (signal.SIGINT, 60.0),
        (signal.SIGQUIT, 10.0),
        (signal.SIGKILL, 10.0),
    )

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        super().__init__(data_dir, durable=durable)
        self._account: Account | None = None
        self._binaries: PostgresBinaries | None = None
        self._programs_dir: RuntimeDir | None = None

    @property
    def url(self) -> str:
        """`postgresql+asyncpg:///cadenza?host=…`; the port keeps PGPORT out of it."""
        host = quote(str(self._sockets().path), safe="/")
        return f"postgresql+asyncpg:///{DATABASE}?host={host}&port={_PORT}&user={USER}"

    def is_ready(self) -> bool:
        """Whether postmaster.pid, which the server writes for this purpose, says so."""
        lines = _pid_file_lines(self.folder)
        return (
            len(lines) > _STATUS_LINE
            and lines[0] == str(self.pid)
            and lines[_STATUS_LINE].strip() == "ready"
        )

    def _prepare(self) -> RuntimeDir:
        self._account = account_for_postgres()
        self._check_owner()
        self._binaries = find_postgres(major=_major_of(self.folder))
        if self._account is not None:
            self._binaries, self._programs_dir = copy_for(self._account, self._binaries)
        if not self.folder.exists():
            self._create_cluster()
        return RuntimeDir.for_sockets(self._account)

    def _spawn(self) -> subprocess.Popen[bytes]:
        _remove_stale_pid_file(self.folder)
        sockets = self._sockets()
        quoted = str(sockets.path).replace('"', '""')
        settings = {"unix_socket_directories": f'"{quoted}"'}
        settings |= _SETTINGS | (_DURABLE if self.durable else _FAST)
        return self._run_in(self.folder, "postgres", *_options(settings))

    def _clean_up(self) -> None:
        super()._clean_up()
        if self._programs_dir is not None:
            self._programs_dir.remove()
            self._programs_dir = None

    def _create_cluster(self) -> None:
        """Make the cluster beside its place and move it there when it is whole."""
        partial = self.folder.with_name(f"{self.folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(partial, self._account.uid, self._account.gid)
        self._complete(self._run_in(partial, "initdb", *self._initdb_options()))
        self._create_database(partial)
        partial.rename(self.folder)

    def _create_database(self, cluster: Path) -> None:
        """Make our database in a cluster that does not run yet, in single-user mode."""
        reading, writing = os.pipe()
        try:
            os.write(writing, f'CREATE DATABASE "{DATABASE}"\n'.encode())
            os.close(writing)
            options = () if self.durable else _options(_FAST)
            self._complete(
                self._run_in(
                    cluster,
                    "postgres",
                    *_options({"exit_on_error": "on", "log_checkpoints": "off"}),
                    *options,
                    "postgres",
                    mode="--single",
                    stdin=reading,
                )
            )
        finally:
            os.close(reading)

    def _initdb_options(self) -> list[str]:
        options = [f"--username={USER}", "--auth=trust", "--encoding=UTF8", "--no-instructions"]
        if self._found().major >= _BUILTIN_LOCALE_SINCE:
            # Compares bytes, yet knows the upper and lower case of every letter, on any system.
            options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        else:
            options += ["--locale=C.UTF-8", "--lc-messages=C"]
        return options if self.durable else [*options, "--no-sync"]

    def _run_in(
        self,
        cluster: Path,
        program: str,
        *options: str,
        mode: str | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start a program of PostgreSQL on a cluster. mode: an option that must come first."""
        path = self._found().folder / program
        kept = [folder.descriptor for folder in (self._runtime_dir, self._programs_dir) if folder]
        with _open_folder(cluster) as descriptor:
            data = str(cluster)
            if self._account is not None and not self._account.can_reach(cluster):
                # Such a link leads to the folder itself, past the folders above it. The server
                # enters its data folder anyway and works from there.
                data = f"/proc/self/fd/{descriptor}"
            return spawn(
                [str(path), *([mode] if mode else []), "-D", data, *options],
                env=server_environment(),
                log_path=self.log_path,
                death_signal=self.death_signal,
                cwd=Path("/"),  # where its user surely gets in; PostgreSQL 15 fails elsewhere
                account=self._account,
                keep_open=[self._lock.descriptor, descriptor, *kept],
                stdin=stdin,
            )

    def _complete(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for a program that prepares the cluster; raises ServerStartFailed if it fails."""
        try:
            if not wait_for_end(process, _CREATE_TIMEOUT_SECONDS):
                raise self._failure("took too long to make its data folder")
            if process.returncode != 0:
                raise self._failure("could not make its data folder")
        finally:
            end(process, [(signal.SIGKILL, 10.0)])

    def _found(self) -> PostgresBinaries:
        if self._binaries is None:
            raise RuntimeError("PostgreSQL's programs have not been looked for yet")
        return self._binaries

    def _check_owner(self) -> None:
        """PostgreSQL refuses data of another user; say what to do about it."""
        uid = self._account.uid if self._account is not None else os.geteuid()
        if self.folder.exists() and (owner := self.folder.stat().st_uid) != uid:
            raise ConfigurationError(
                f"{self.folder} belongs to user number {owner}, and PostgreSQL would run as user "
                f"number {uid}. Start Cadenza as the user who made it (as root, if number {owner} "
                f"is 'nobody'), or use another data folder."
            )


@contextlib.contextmanager
def _open_folder(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _options(settings: Mapping[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _major_of(cluster: Path) -> int | None:
    """The version that wrote the cluster, or None if there is no cluster yet."""
    if not cluster.exists():
        return None
    try:
        return int((cluster / "PG_VERSION").read_text())
    except (FileNotFoundError, ValueError):
        raise ConfigurationError(
            f"{cluster} holds no data of PostgreSQL (its PG_VERSION is missing). "
            f"Move it away, or use another data folder."
        ) from None


def _pid_file_lines(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _remove_stale_pid_file(cluster: Path) -> None:
    """Remove a killed server's postmaster.pid when its number now belongs to something else.

    PostgreSQL itself would take any process of that number for the old
    server. In containers, where numbers are small, that is likely. A
    server that works on this cluster has it as its current folder.
    """
    lines = _pid_file_lines(cluster)
    if not lines or not lines[0].isdigit():
        return
    with contextlib.suppress(OSError):
        if os.readlink(f"/proc/{lines[0]}/cwd") != str(cluster):
            (cluster / "postmaster.pid").unlink()
