"""`cadenza up`: everything from one terminal."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.commands import command_line
from console.deployment import free_ports


def test_it_starts_with_the_sandbox_and_stops_when_asked(tmp_path: Path) -> None:
    ports = free_ports(["gateway", "mailbox"])
    up = subprocess.Popen(
        [sys.executable, "-m", "console.main", "up", "--sandbox", "--workers", "1",
         "--data-dir", str(tmp_path / "data")],
        env=_bare({"CADENZA_GATEWAY_PORT": str(ports["gateway"]),
                   "CADENZA_MAILBOX_PORT": str(ports["mailbox"])}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    try:
        assert up.stdout is not None
        first = up.stdout.readline()
        assert first.startswith("Cadenza is up on "), first + up.stdout.read()
    finally:
        up.send_signal(signal.SIGTERM)
        rest, _ = up.communicate(timeout=60)
    assert up.returncode == 0, rest
    assert f"http://127.0.0.1:{ports['gateway']}" in rest


@pytest.mark.parametrize("setting", ["CADENZA_GATEWAY_PORT", "CADENZA_MAILBOX_PORT"])
def test_a_port_that_is_taken_is_named_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for name, port in free_ports(["CADENZA_GATEWAY_PORT", "CADENZA_MAILBOX_PORT"]).items():
            monkeypatch.setenv(name, str(port))
        monkeypatch.setenv(setting, str(taken.getsockname()[1]))
        words = ["up", "--sandbox", "--data-dir", str(tmp_path / "data")]
        done = CliRunner().invoke(command_line(), words)
    assert done.exit_code == 1
    assert f"or set {setting} to another port" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_port_that_is_no_number_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CADENZA_GATEWAY_PORT", "http")
    done = CliRunner().invoke(
        command_line(), ["up", "--sandbox", "--data-dir", str(tmp_path / "data")]
    )
    assert done.exit_code == 1
    assert "CADENZA_GATEWAY_PORT: 'http' is not a port number" in done.stderr


def _bare(settings: Mapping[str, str]) -> Mapping[str, str]:
    rest = {k: v for k, v in os.environ.items() if not k.startswith(("CADENZA_", "DEMO_"))}
    return {**rest, "PYTHONUNBUFFERED": "1", **settings}
