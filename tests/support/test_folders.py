"""Folders of test runs that go on at the same time, and of those that were killed."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support import folders
from tests.support.folders import quick_folder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folders, "_place", lambda: tmp_path)
    return tmp_path


def test_folders_of_runs_that_go_on_are_left_alone(place: Path) -> None:
    with quick_folder() as ours, quick_folder() as others:
        assert ours.is_dir()
        assert others.is_dir()
    assert list(place.iterdir()) == []


def test_what_a_killed_run_left_behind_is_removed(place: Path) -> None:
    left = Path(tempfile.mkdtemp(prefix="cadenza-tests-", dir=place))
    (left / "data").write_text("x")
    with quick_folder() as ours:
        assert list(place.iterdir()) == [ours]


def test_a_folder_that_another_run_took_away_is_made_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its making and its lock it looks like one that was left behind."""
    lock = fcntl.flock

    def taken_away(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        shutil.rmtree(os.readlink(f"/proc/self/fd/{descriptor}"))
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", taken_away)
    with quick_folder() as ours:
        assert list(place.iterdir()) == [ours]
