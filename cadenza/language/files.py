"""Which cadence files are meant by paths."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cadenza.errors import ConfigurationError
from cadenza.language.reading import ENDINGS


def cadence_files(paths: Iterable[Path]) -> Sequence[Path]:
    """The files among `paths`, and the cadence files that lie directly in the folders among them.

    Raises ConfigurationError if a path does not exist or a folder holds no cadence.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            # A link that leads nowhere is meant as well; reading it says so.
            named = (p for p in path.iterdir() if p.suffix in ENDINGS)
            found = sorted(p for p in named if p.is_file() or p.is_symlink())
            if not found:
                raise ConfigurationError(f"{path}: there is no cadence file (.yaml) in this folder")
            files += found
        elif path.exists():
            files.append(path)
        else:
            raise ConfigurationError(f"{path}: there is no such file or folder")
    return list(dict.fromkeys(files))
