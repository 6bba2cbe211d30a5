"""Where the data of test servers goes: to memory, if there is enough.

Making a file takes 15 times as long on a disk's file system as in
memory, and to clone a database is to make 400: 380 ms there, 12 ms here.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # a memory file system on Linux; small in many containers
_NEEDED_BYTES = 2**30
_PREFIX = "cadenza-tests-"


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder that is gone after the block.

    It is locked meanwhile, so that the next call can tell it from one
    that a killed test run left behind, and removes that.
    """
    place = _place()
    _remove_abandoned(place)
    folder, descriptor = _locked_folder(place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        os.close(descriptor)


def _locked_folder(place: Path) -> tuple[Path, int]:
    """A new folder, and the descriptor that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        # Before it is locked, another test run may take it for an abandoned one.
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if folder.exists():
                return folder, descriptor
            os.close(descriptor)


def _place() -> Path:
    with contextlib.suppress(OSError):
        if shutil.disk_usage(_MEMORY).free > _NEEDED_BYTES and os.access(_MEMORY, os.W_OK):
            return _MEMORY
    return Path(tempfile.gettempdir())


def _remove_abandoned(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        # Locked, or another user's, or just being removed by somebody else.
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(descriptor)
