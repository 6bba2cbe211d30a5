"""How the programs of the embedded servers are started."""

import os
import signal
import threading
from pathlib import Path

import pytest

from console.embedded import (
    ValkeyServer,
)
from console.embedded.process import spawn, wait_for_end
from tests.support.processes import (
    processes_in,
)


def test_programs_start_from_the_main_thread_only(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def start() -> None:
        try:
            ValkeyServer(tmp_path, durable=False).start()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors)
    assert not processes_in(tmp_path)


def test_a_program_whose_parent_died_before_it_asked_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    process = spawn(
        ["touch", str(tmp_path / "ran")],
        env={"PATH": os.environ["PATH"]},
        log_path=tmp_path / "log",
        death_signal=signal.SIGTERM,
    )
    assert wait_for_end(process, 10)
    assert process.returncode != 0
    assert "is gone" in (tmp_path / "log").read_text()
    assert not (tmp_path / "ran").exists()


def test_a_program_that_does_not_exist_says_so_in_the_log(tmp_path: Path) -> None:
    process = spawn(
        ["/nowhere/at/all"], env={}, log_path=tmp_path / "log", death_signal=signal.SIGTERM
    )
    assert wait_for_end(process, 10)
    assert "cannot run /nowhere/at/all: [Errno 2]" in (tmp_path / "log").read_text()


def test_a_long_log_is_put_aside_at_a_start(tmp_path: Path) -> None:
    (tmp_path / "valkey.log").write_bytes(b"." * (9 * 2**20))
    server = ValkeyServer(tmp_path, durable=False)
    server.start()
    server.stop()
    assert (tmp_path / "valkey.log").stat().st_size < 2**20
    assert (tmp_path / "valkey.log.1").stat().st_size == 9 * 2**20
