"""Short private folders under the temporary folder, for sockets and readable copies.

A unix socket's path has at most 107 bytes (unix(7)), and a data folder's
own path is often longer, so sockets live here. Each folder is locked for
as long as its owner or a server of theirs lives; one that nobody locks
was left behind by a killed owner, and the next start removes it.
systemd-tmpfiles leaves locked folders alone, too.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Self

from cadenza.errors import ConfigurationError
from console.embedded.account import Account, account_for_postgres

_PREFIX = "cadenza-run-"
_OTHER_PLACES = ("/tmp", "/var/tmp")  # noqa: S108 - only mkdtemp makes names in them
_SOCKET_PATH_BYTES = 103  # 107 on Linux, 103 on macOS and the BSDs
_LONGEST_SOCKET_NAME = "cadenza-run-12345678/.s.PGSQL.5432.lock"


class RuntimeDir:
    """A folder that only its owner can use, and that is gone after `remove()`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def for_sockets(cls, account: Account | None) -> Self:
        """A folder of mode 0700 that belongs to `account` (None: to us).

        Raises ConfigurationError when no temporary folder will do.
        """
        return cls._create(_parent(account, needs_exec=False), account)

    @classmethod
    def for_programs(cls, reader: Account) -> Self:
        """A folder that belongs to us, from which `reader` can run programs."""
        made = cls._create(_parent(reader, needs_exec=True), None)
        made.path.chmod(0o755)
        return made

    @classmethod
    def _create(cls, parent: Path, account: Account | None) -> Self:
        while True:
            path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            descriptor = _lock_folder(path)
            # Between the two lines somebody who tidies up may have taken it for abandoned.
            if descriptor is None:
                continue
            if account is not None:
                os.chown(descriptor, account.uid, account.gid)
            return cls(path, descriptor)

    def clear(self) -> None:
        """Remove what a killed server left in it."""
        for entry in self.path.iterdir():
            entry.unlink()

    def remove(self) -> None:
        """Remove it with everything in it. May be repeated."""
        shutil.rmtree(self.path, ignore_errors=True)
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def remove_abandoned() -> None:
    """Remove the folders that killed owners of ours left behind."""
    account = account_for_postgres()
    owners = {os.geteuid()} | ({account.uid} if account is not None else set())
    for parent in _places():
        for path in parent.glob(f"{_PREFIX}*"):
            # Somebody else may remove it at the same time.
            with contextlib.suppress(OSError):
                if stat.S_ISDIR(path.lstat().st_mode) and path.lstat().st_uid in owners:
                    _remove_if_abandoned(path)


def _remove_if_abandoned(path: Path) -> None:
    descriptor = _lock_folder(path)
    if descriptor is not None:
        RuntimeDir(path, descriptor).remove()


def _lock_folder(path: Path) -> int | None:
    """A descriptor that locks the folder, or None if it is locked or gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _places() -> list[Path]:
    names = dict.fromkeys((tempfile.gettempdir(), *_OTHER_PLACES))
    return [Path(name) for name in names if os.path.isdir(name)]


def _parent(account: Account | None, *, needs_exec: bool) -> Path:
    for place in _places():
        short_enough = len(os.fsencode(place / _LONGEST_SOCKET_NAME)) <= _SOCKET_PATH_BYTES
        reachable = account is None or account.can_reach(place / _PREFIX)
        runs = not needs_exec or not os.statvfs(place).f_flag & os.ST_NOEXEC
        if short_enough and reachable and runs and os.access(place, os.W_OK | os.X_OK):
            return place
    raise ConfigurationError(
        f"No temporary folder will do for {'programs' if needs_exec else 'sockets'}: tried "
        f"{', '.join(map(str, _places()))}. Set TMPDIR to a short path (up to 60 characters) "
        f"that {account.name if account is not None else 'you'} can reach."
    )
