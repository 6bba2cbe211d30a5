"""The house stands: names, what ships, what importing does, the locks."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pathspec import GitIgnoreSpec

from tests.support.processes import REPOSITORY
from tests.support.wheel import PACKAGES, build_wheel

LOCKS = ("runtime.txt", "dev.txt")

# Registries of packages, and the folders of whoever happened to work on it.
_ADDRESSES = re.compile(
    rb"(?:pypi|pythonhosted|npmjs|crates|golang|rubygems)\.(?:org|io|com)"
    rb"|https?://[^\s/]*(?:artifactory|nexus|devpi|mirror|proxy)"
    rb"|(?<![\w.}])/(?:root|home|Users|work|workspace|builds)/[\w.]"
)
_LOCKED = re.compile(
    r"(?P<requirement>[a-z0-9.-]+==[0-9][a-z0-9.+!]*(?: ; [^;]+?)?)"
    r"(?: --hash=sha256:[0-9a-f]{64})+"
)


def repository_files(*folders: str) -> Iterator[Path]:
    """Every file that belongs to the repository, as a path in it; in `folders` only, if given."""
    lines = (REPOSITORY / ".gitignore").read_text().splitlines()
    ignored = GitIgnoreSpec.from_lines([*lines, "/.git"])
    for start in folders or (".",):
        for folder, below, names in os.walk(REPOSITORY / start):
            here = Path(folder).relative_to(REPOSITORY)
            below[:] = [name for name in below if not ignored.match_file(f"{here / name}/")]
            yield from (here / name for name in names if not ignored.match_file(here / name))


def modules() -> Sequence[str]:
    """The modules of all packages."""
    files = [path for path in repository_files(*PACKAGES) if path.suffix == ".py"]
    # Alembic runs it, and gives it what to work on first.
    files.remove(Path("cadenza/storage/migrations/env.py"))
    return sorted(".".join(path.with_suffix("").parts) for path in files)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def shipped(wheel: Path) -> frozenset[Path]:
    """The files of the wheel, without those that describe it."""
    with zipfile.ZipFile(wheel) as archive:
        paths = {Path(name) for name in archive.namelist()}
    return frozenset(path for path in paths if not path.parts[0].endswith(".dist-info"))


# Names -------------------------------------------------------------------


def test_the_wheel_brings_our_packages_and_no_other_name(shipped: frozenset[Path]) -> None:
    assert {path.parts[0] for path in shipped} == set(PACKAGES)


def test_no_other_distribution_brings_a_package_of_ours(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    providers = packages_distributions()
    assert {name: set(providers[name]) for name in PACKAGES} == {
        name: {"cadenza"} for name in PACKAGES
    }


def test_no_package_of_ours_hides_one_of_the_standard_library() -> None:
    assert not sys.stdlib_module_names & set(PACKAGES)


# What ships --------------------------------------------------------------


def test_the_wheel_holds_every_file_of_our_packages(shipped: frozenset[Path]) -> None:
    assert shipped == set(repository_files(*PACKAGES))


@pytest.mark.parametrize("suffix", [".sql", ".lua", ".yaml", ".yml", ".liquid", ".json", ".csv"])
def test_data_that_is_needed_at_run_time_ships(suffix: str, shipped: frozenset[Path]) -> None:
    assert [path for path in shipped if path.suffix == suffix]


def test_the_wheel_brings_the_command_and_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = [name for name in names if name.endswith("/entry_points.txt")]
        assert "cadenza = console.main:main" in archive.read(entry_points).decode()
    assert [name for name in names if name.endswith("/licenses/LICENSE")]


# What the files say ------------------------------------------------------


def test_no_file_names_a_package_index_or_somebodys_folder() -> None:
    found = [
        f"{path}: {match[0].decode()}"
        for path in repository_files()
        if (match := _ADDRESSES.search((REPOSITORY / path).read_bytes()))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        b"https://pypi" + b".org/simple",
        b"https://files.pythonhosted" + b".org/x",
        b"see /home" + b"/anna/notes",
        b"PATH=/root" + b"/.venv",
        b"http://10.0.0.1" + b"-mirror/simple",
    ],
)
def test_such_names_would_be_found(text: bytes) -> None:
    assert _ADDRESSES.search(text)


# Importing ---------------------------------------------------------------


def test_importing_any_module_does_nothing_but_define_things(tmp_path: Path) -> None:
    asked = modules()
    ended = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-m", "tests.support.watch_imports", *asked],
        env={"PYTHONPATH": str(REPOSITORY), "HOME": str(tmp_path)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert len(asked) > 200
    assert json.loads(ended.stdout) == []
    assert ended.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("open('x', 'w').close()", "open"),
        ("import socket; socket.socket().bind(('127.0.0.1', 0))", "socket.bind"),
        ("import os; os.environ['CADENZA_X'] = '1'", "os.putenv"),
        ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", "changed signals"),
        ("import logging; logging.basicConfig()", "changed log handlers"),
        ("1 / 0", "raised ZeroDivisionError"),
    ],
)
def test_a_module_that_does_more_would_be_found(act: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "doer.py").write_text(act)
    ended = subprocess.run(
        [sys.executable, "-B", "-m", "tests.support.watch_imports", "doer"],
        env={"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{tmp_path}"},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert any(told in what for _, what in json.loads(ended.stdout))


# Locks -------------------------------------------------------------------


def locked(name: str) -> Mapping[str, Requirement]:
    """The entries of a lock file that count on this machine, by name."""
    text = (REPOSITORY / "requirements" / name).read_text()
    entries = [" ".join(e.split()) for e in text.replace("\\\n", " ").splitlines()]
    found: dict[str, Requirement] = {}
    for entry in entries:
        match = _LOCKED.fullmatch(entry)
        assert match, f"requirements/{name} holds more than a name, a version and hashes: {entry}"
        requirement = Requirement(match["requirement"])
        if requirement.marker is None or requirement.marker.evaluate():
            found[canonicalize_name(requirement.name)] = requirement
    return found


def version_of(locked_requirement: Requirement) -> Version:
    (only,) = locked_requirement.specifier
    return Version(only.version)


def assert_satisfied(requirement: Requirement, lock: Mapping[str, Requirement]) -> None:
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return
    entry = lock.get(canonicalize_name(requirement.name))
    assert entry is not None, f"{requirement.name} is not locked: make lock"
    assert requirement.specifier.contains(version_of(entry), prereleases=True), (
        f"{requirement} is locked as {entry}: make lock"
    )


def project() -> Any:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_names_versions_and_hashes_alone(name: str) -> None:
    assert len(locked(name)) > 20


@pytest.mark.parametrize("name", LOCKS)
def test_locks_have_what_the_project_asks_for(name: str) -> None:
    lock = locked(name)
    for line in project()["project"]["dependencies"]:
        assert_satisfied(Requirement(line), lock)


def test_the_developers_lock_has_their_tools_and_the_build_backend() -> None:
    document = project()
    lines = [*document["dependency-groups"]["dev"], *document["build-system"]["requires"]]
    for line in lines:
        assert_satisfied(Requirement(line), locked("dev.txt"))


def test_what_is_developed_with_is_what_runs() -> None:
    dev = locked("dev.txt")
    assert {n: dev[n].specifier for n in locked("runtime.txt")} == {
        n: entry.specifier for n, entry in locked("runtime.txt").items()
    }


@pytest.mark.parametrize("name", LOCKS)
def test_what_the_locked_ones_need_is_locked_too(name: str) -> None:
    lock = locked(name)
    for locked_name in lock:
        for line in distribution(locked_name).requires or ():
            assert_satisfied(Requirement(line), lock)
