"""The product as installed: from a wheel, run outside of the checkout."""

import csv
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import quick_folder
from tests.support.processes import REPOSITORY
from tests.support.wheel import PACKAGES, build_wheel

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

_EVERYBODY = REPOSITORY / "console" / "demo" / "data" / "prospects.csv"
_PROSPECTS = 40
_DAYS = 3


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with quick_folder() as made:
        yield made


@pytest.fixture(scope="module")
def installed(folder: Path) -> Path:
    """An environment with our wheel, and the libraries of the one that runs the tests.

    Their folder is added by its path alone. So what lies there as `.pth`
    is not read, and the checkout, which is installed by such a file, is
    not found.
    """
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    wheel = build_wheel(folder)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(environment), "--isolated", "install"),
            *("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", str(wheel)),
        ],
        check=True,
        env=clean_environment(),
    )
    (packages,) = environment.glob("lib/python*/site-packages")
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "libraries.pth").write_text("\n".join(libraries) + "\n")
    return environment


def clean_environment() -> Mapping[str, str]:
    """Ours without what could lead a Python back to the checkout, or configure the product."""
    ours = ("PYTHON", "VIRTUAL_ENV", "CADENZA_", "DEMO_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@pytest.fixture(scope="module")
def report(installed: Path, folder: Path) -> Any:
    """What a short demo of the installed product reports."""
    outside = folder / "elsewhere"
    outside.mkdir()
    some = outside / "prospects.csv"
    with _EVERYBODY.open(encoding="utf-8", newline="") as source:
        rows = list(csv.reader(source))[: 1 + _PROSPECTS]
    with some.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows(rows)
    ended = subprocess.run(
        [
            *(str(installed / "bin" / "cadenza"), "demo", "--days", str(_DAYS)),
            *("--prospects", some.name, "--data-dir", "data"),
        ],
        cwd=outside,
        env=clean_environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads((outside / "data" / "report.json").read_text())


def test_the_wheels_own_files_are_used(installed: Path, folder: Path) -> None:
    asked = "import json, sys, importlib as i; print(json.dumps([sys.path, {n: i.import_module(n)"
    asked += f".__file__ for n in {list(PACKAGES)!r}}}]))"
    said = subprocess.run(
        [str(installed / "bin" / "python"), "-c", asked],
        cwd=folder,
        env=clean_environment(),
        check=True,
        capture_output=True,
    )
    path, files = json.loads(said.stdout)
    assert {name for name, file in files.items() if Path(file).is_relative_to(installed)} == set(
        PACKAGES
    )
    assert str(REPOSITORY) not in path


def test_the_demo_runs_from_an_installed_wheel(report: Any) -> None:
    assert report["days"] == _DAYS
    assert report["prospects"] > _PROSPECTS // 2
    assert report["touches"]["sent"] > 0


def test_it_loses_nothing_repeats_nothing_and_keeps_the_rules(report: Any) -> None:
    assert (report["witness"]["lost"], report["witness"]["duplicates"]) == (0, 0)
    assert set(report["audit"].values()) == {0}
