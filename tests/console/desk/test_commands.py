"""What holds for every command."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from console.commands import command_line, command_modules, load_command
from console.contents import PANELS
from console.session import run
from console.terminal import both_times, span
from tests.console.desk.desk import Desk
from tests.support.pipeline import MONDAY

RUNNER = CliRunner()


def paths() -> Iterator[tuple[str, ...]]:
    """Every command and family, as words."""
    root = typer.main.get_group(command_line())
    yield ()
    waiting: list[tuple[tuple[str, ...], object]]
    waiting = [((name,), load_command(name)) for name in root.commands]
    while waiting:
        words, command = waiting.pop()
        yield words
        for name, below in getattr(command, "commands", {}).items():
            waiting.append(((*words, name), below))


@pytest.mark.parametrize("words", sorted(paths()), ids=" ".join)
def test_help_says_what_it_is_for(words: tuple[str, ...]) -> None:
    result = RUNNER.invoke(command_line(), [*words, "--help"])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if line.strip()]
    assert len(lines[1].split()) >= 2, result.output


def test_every_command_of_the_folder_is_listed_with_its_file() -> None:
    found: set[tuple[str, str]] = set()
    for module in command_modules():
        app = typer.Typer()
        app.callback()(lambda: None)
        module.register(app)
        file = module.__name__.rpartition(".")[2]
        found |= {(name, file) for name in typer.main.get_group(app).commands}
    listed = [(name, entry.file) for panel in PANELS.values() for name, entry in panel.items()]
    assert sorted(listed) == sorted(found)


def test_help_shows_each_command_in_one_line() -> None:
    lines = RUNNER.invoke(command_line(), ["--help"]).output.splitlines()
    for panel in PANELS.values():
        for name, entry in panel.items():
            assert any(f" {name} " in line and entry.what in line for line in lines), name


@pytest.mark.parametrize(
    ("words", "needless"),
    [
        (["--help"], {"sqlalchemy", "asyncpg", "redis", "structlog", "liquid", "pydantic"}),
        (["lint", "--help"], {"sqlalchemy", "asyncpg", "redis", "structlog"}),
    ],
)
def test_commands_load_no_library_that_they_do_not_need(
    words: list[str], needless: set[str]
) -> None:
    look = "import sys, console.main as m\ntry: m.main()\nfinally: print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", look, *words], capture_output=True, text=True, check=True, timeout=60
    )
    assert not needless & set(done.stdout.splitlines()[-1].split())


def test_wrong_usage_ends_with_status_2() -> None:
    for words in (["nothing"], ["stop"], ["tasks", "done", "one"], ["audit", "--maybe"]):
        assert RUNNER.invoke(command_line(), words).exit_code == 2


def test_wrong_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CADENZA_")]:
        monkeypatch.delenv(name)
    result = RUNNER.invoke(command_line(), ["status"])
    assert result.exit_code == 1
    assert "CADENZA_DATABASE_URL is not set" in result.stderr


def test_a_redis_url_of_another_kind_is_named(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CADENZA_REDIS_URL", "localhost:6379")
    result = RUNNER.invoke(command_line(), ["status"])
    assert result.exit_code == 1
    assert "CADENZA_REDIS_URL: write redis://" in result.stderr


@pytest.mark.parametrize(
    "url", ["postgresql://127.0.0.1:1/none", "postgresql:///none?host=/nowhere"]
)
def test_a_database_that_is_away_is_said_in_one_line(
    environment: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("CADENZA_DATABASE_URL", url)
    result = RUNNER.invoke(command_line(), ["status"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: cannot reach the database (")
    assert len(result.stderr.splitlines()) == 1


def test_a_wrong_name_of_the_database_is_said(
    environment: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database_url.replace(database_url.split("?", maxsplit=1)[0].rpartition("/")[2], "nowhere")
    monkeypatch.setenv("CADENZA_DATABASE_URL", url)
    result = RUNNER.invoke(command_line(), ["status"])
    assert result.exit_code == 1
    assert 'database "nowhere" does not exist' in result.stderr


def test_an_older_schema_is_said(
    environment: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CADENZA_DATABASE_URL", empty_database_url)
    result = RUNNER.invoke(command_line(), ["status"])
    assert result.exit_code == 1
    assert "run `cadenza db upgrade`" in result.stderr


async def test_redis_that_is_away_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADENZA_REDIS_URL", "redis://127.0.0.1:1")
    path = desk.write("people.csv", "email,country\na@example.com,FR\n")
    told = await desk.refused("enroll", "--csv", path, "--cadence", "mixed", "--no-wait")
    assert "Redis did not take message" in told


def test_the_installed_command_runs(environment: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "console.main", "status"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Sender accounts today" in done.stdout


def test_an_answer_passes_through() -> None:
    async def work() -> int:
        return 7

    assert run(work()) == 7


def test_times_are_told_in_words() -> None:
    assert both_times(MONDAY, "Europe/Paris") == "Mon 2026-03-02 11:00 Europe/Paris (10:00 UTC)"
    told = both_times(MONDAY, "Pacific/Kiritimati")
    assert told == "Tue 2026-03-03 00:00 Pacific/Kiritimati (2026-03-02 10:00 UTC)"
    lengths = [
        (8, "8 s"),
        (60, "1 min"),
        (725, "12 min"),
        (4000, "1 h 6 min"),
        (90_000, "1 d 1 h"),
        (0, "0 s"),
    ]
    assert [span(timedelta(seconds=seconds)) for seconds, _ in lengths] == [t for _, t in lengths]
