"""The Dockerfile, and what goes into the image and the wheel."""

import re
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.deploy.compose import ROOT, compose, required_variables

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def _last(instruction: str) -> str:
    lines: list[str] = re.findall(rf"^{instruction} (.*)$", INSTRUCTIONS, re.MULTILINE)
    return lines[-1]


def test_every_stage_begins_with_the_same_base_pinned_by_tag_and_digest() -> None:
    (base,) = re.findall(r"^ARG PYTHON_IMAGE=(.*)$", INSTRUCTIONS, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)
    assert set(re.findall(r"^FROM (\S+)", INSTRUCTIONS, re.MULTILINE)) == {"${PYTHON_IMAGE}"}


def test_whatever_comes_from_an_index_is_checked_by_hash() -> None:
    installs = re.findall(r"pip install (.*)$", INSTRUCTIONS, re.MULTILINE)
    assert installs
    for arguments in installs:
        assert "--require-hashes" in arguments or "--no-deps /wheels/" in arguments


def test_no_package_index_is_named() -> None:
    assert not re.search(r"https?://(?!127\.0\.0\.1)", DOCKERFILE)
    assert "index-url" not in DOCKERFILE


def test_it_runs_as_the_user_that_compose_expects_and_not_as_root() -> None:
    assert _last("USER") == compose(required_variables()).services["worker"].user == "10001:10001"


def test_its_process_gets_the_signals_itself() -> None:
    assert _last("ENTRYPOINT") == '["cadenza"]'
    assert _last("STOPSIGNAL") == "SIGTERM"


def test_its_health_is_asked_where_its_processes_serve_it() -> None:
    (port,) = re.findall(r"CADENZA_METRICS_PORT=(\d+)", DOCKERFILE)
    assert f"http://127.0.0.1:{port}/healthz" in INSTRUCTIONS


def test_all_that_is_copied_passes_the_ignore_file() -> None:
    allowed = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    assert allowed == {*PACKAGES, "pyproject.toml", "README.md", "LICENSE", "requirements"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    directory = tmp_path_factory.mktemp("wheel")
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(directory), versions=["standard"])
    return zipfile.Path(path)


@pytest.mark.parametrize("kind", ["*.json", "*.yml", "*.sql", "*.lua"])
def test_the_wheel_carries_the_files_beside_the_code(wheel: zipfile.Path, kind: str) -> None:
    files = [f for package in PACKAGES for f in (ROOT / package).rglob(kind)]
    assert files
    missing = [f for f in files if not wheel.joinpath(f.relative_to(ROOT).as_posix()).exists()]
    assert missing == []


def test_the_wheel_carries_the_licence(wheel: zipfile.Path) -> None:
    version = PROJECT["project"]["version"]
    inside = wheel / f"cadenza-{version}.dist-info" / "licenses" / "LICENSE"
    assert inside.read_text(encoding="utf-8") == Path(ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in (
        inside.read_text(encoding="utf-8")
    )


def test_the_wheel_carries_nothing_of_the_deployment(wheel: zipfile.Path) -> None:
    names = {path.name for path in wheel.iterdir()}
    version = PROJECT["project"]["version"]
    assert names <= {*PACKAGES, f"cadenza-{version}.dist-info"}
