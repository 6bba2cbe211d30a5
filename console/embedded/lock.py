"""One user per data folder.

A second Valkey on one folder starts silently and both write the same
files, so whoever starts a server holds this lock first. The server
inherits the descriptor: the lock (flock(2)) lasts until the last process
that works on the folder is gone, also when the one that took it was
killed.
"""

import contextlib
import fcntl
import os
import time
from pathlib import Path

from cadenza.errors import ConfigurationError
from console.embedded.process import wait_for_ends

_LEFTOVER_TIMEOUT_SECONDS = 60.0
_UNSEEN_TIMEOUT_SECONDS = 5.0
_UNSEEN_LOOK_SECONDS = 0.02
_LOOK_AGAIN_SECONDS = 0.25
_RECORD_BYTES = 32


class DataDirInUse(ConfigurationError):
    """Another process uses the folder. `pid` is its number, None if unknown."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid is not None else "another process"
        super().__init__(
            f"{folder} is in use by {holder}. Stop that one first, or use another data folder."
        )
        self.folder = folder
        self.pid = pid


class DataDirLock:
    """An exclusive lock on `folder`, kept in the file `<folder>.lock` beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder.with_name(folder.name + ".lock")
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """What a server inherits to hold the lock too."""
        if self._descriptor is None:
            raise RuntimeError(f"the lock of {self._folder} is not held")
        return self._descriptor

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None

    def acquire(self) -> None:
        """Take the lock, or fail at once when its owner is alive.

        When its owner is gone and servers of theirs are still stopping,
        wait for those to end.
        Raises DataDirInUse, OSError.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            self._lock(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Give up our share; the file stays, since removing it would race with the next owner."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def wait_for_others(self, timeout_seconds: float) -> bool:
        """Whether nobody but us works on the folder now or within the timeout."""
        deadline = time.monotonic() + timeout_seconds
        while others := self._holders() - {os.getpid()}:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            wait_for_ends(sorted(others), min(left, _LOOK_AGAIN_SECONDS))
        return True

    def _lock(self, descriptor: int) -> None:
        start = time.monotonic()
        while not _try_lock(descriptor):
            owner = _recorded_owner(descriptor)
            holders = self._holders()
            leftover = holders - {os.getpid()}
            # A process that is ending has no open files to be seen a moment before its lock is
            # free, and other users' processes show none at all.
            patience = _LEFTOVER_TIMEOUT_SECONDS if leftover else _UNSEEN_TIMEOUT_SECONDS
            if owner in holders or time.monotonic() > start + patience:
                # It may have been given up between our two looks.
                if _try_lock(descriptor):
                    return
                raise DataDirInUse(self._folder, owner)
            # Not longer at a time: a new owner writes its number a moment after it locks.
            if leftover:
                wait_for_ends(sorted(leftover), _LOOK_AGAIN_SECONDS)
            else:
                time.sleep(_UNSEEN_LOOK_SECONDS)

    def _holders(self) -> set[int]:
        """The processes that have the lock's file open, as far as we may see (proc(5))."""
        path = str(self._path.resolve())
        return {int(pid) for pid in _process_numbers() if _has_open(pid, path)}


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _recorded_owner(descriptor: int) -> int | None:
    text = os.pread(descriptor, _RECORD_BYTES, 0).strip()
    return int(text) if text.isdigit() else None


def _process_numbers() -> list[str]:
    try:
        return [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _has_open(pid: str, path: str) -> bool:
    folder = f"/proc/{pid}/fd"
    # The process, or the descriptor, may be gone by now, or belong to somebody else.
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                if os.readlink(f"{folder}/{name}") == path:
                    return True
    return False
