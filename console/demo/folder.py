"""The folder that a demo keeps its data in: emptied before each run, if it is a demo's."""

import shutil
from pathlib import Path

from cadenza.errors import ConfigurationError
from console.embedded.lock import DataDirLock

_MARKER = ".cadenza-demo"


def fresh_folder(folder: Path) -> DataDirLock:
    """An empty folder that is ours, with what an earlier demo left in it removed.

    Returns its lock, held. Raises ConfigurationError for a folder with other things in it.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARKER).exists():
        raise ConfigurationError(
            f"{folder} is not empty and was not made by the demo: name another with --data-dir"
        )
    folder.mkdir(parents=True, exist_ok=True)
    lock = DataDirLock(folder)
    lock.acquire()
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif not path.name.endswith(".lock"):
            path.unlink()
    (folder / _MARKER).touch()
    (folder / "logs").mkdir()
    return lock
