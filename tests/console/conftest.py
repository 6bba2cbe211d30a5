"""Folders for embedded servers, and small programs to supervise."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.supervisor import ProcessSpec
from tests.support.folders import quick_folder
from tests.support.supervised import WAITS, MakeSpec


@pytest.fixture
def short_tmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder that only this test's servers use, reachable for every user."""
    folder = Path(tempfile.mkdtemp(prefix="cdz-", dir="/tmp"))
    folder.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_dir() -> Iterator[Path]:
    """A data folder that no server has seen yet, for the half second that the first start takes."""
    with quick_folder() as folder:
        yield folder / "data"


@pytest.fixture
def spec(tmp_path: Path) -> MakeSpec:
    """Makes the spec of a small Python program, ready as soon as its log has a line."""

    def make(name: str, code: str = WAITS, **options: object) -> ProcessSpec:
        log_path = tmp_path / f"{name}.log"

        async def has_said_something() -> bool:
            return log_path.stat().st_size > 0

        given: dict[str, object] = {"ready": has_said_something, **options}
        return ProcessSpec(
            name=name,
            argv=[sys.executable, "-I", "-S", "-c", code],
            env={"PATH": os.environ["PATH"]},
            log_path=log_path,
            **given,  # type: ignore[arg-type]
        )

    return make
