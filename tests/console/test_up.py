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

from console import up
from console.commands import command_line
from console.deployment import free_ports

REAL = """\
organisation: {name: Larkspur, postal_address: 3 quai de l'Étoile}
owners:
  - {id: ann, name: Ann Lefort, email: ann@reps.example}
accounts:
  - id: mail-ann
    channel: email
    provider: smtp
    address: ann@larkspur.example
    settings: {host: smtp.larkspur.test}
    secrets: {password: {file: /run/secrets/of-another-machine}}
"""


def test_it_starts_with_the_sandbox_and_stops_when_asked(tmp_path: Path) -> None:
    ports = free_ports(["gateway", "mailbox"])
    data = tmp_path / "data of Zoë"
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text(REAL, encoding="utf-8")
    running = subprocess.Popen(
        [sys.executable, "-m", "console.main", "up", "--sandbox", "--workers", "1",
         "--data-dir", str(data), "--accounts", str(accounts)],
        env=_bare({"CADENZA_GATEWAY_PORT": str(ports["gateway"]),
                   "CADENZA_MAILBOX_PORT": str(ports["mailbox"])}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        first = running.stdout.readline()
        assert first.startswith("Cadenza is up on "), first + running.stdout.read()
    finally:
        running.send_signal(signal.SIGTERM)
        # Not communicate(): it would miss what readline() has read ahead.
        assert running.stdout is not None
        with running.stdout as output:
            rest = output.read()
        running.wait(timeout=60)
    assert running.returncode == 0, rest
    assert f"http://127.0.0.1:{ports['gateway']}" in rest
    assert f". '{data}/env'" in rest
    assert f"CADENZA_ACCOUNTS_FILE='{data}/accounts.yaml'" in (data / "env").read_text()
    redirected = (data / "accounts.yaml").read_text(encoding="utf-8")
    assert "127.0.0.1" in redirected
    assert "larkspur.test" not in redirected


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


def test_metrics_ports_that_somebody_has_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first = taken.getsockname()[1]
        monkeypatch.setattr(up, "_FIRST_METRICS_PORT", first)
        ours = {"CADENZA_GATEWAY_PORT": str(first + 1), "CADENZA_MAILBOX_PORT": "8625"}
        ports = up._metrics_ports(["gateway", "exporter"], ours)
    assert set(ports) == {"gateway", "exporter"}
    assert not {first, first + 1} & set(ports.values())
    assert len(set(ports.values())) == 2


@pytest.mark.parametrize(
    ("setting", "url", "told"),
    [
        ("CADENZA_REDIS_URL", "redis://127.0.0.1:1/0", "cannot reach Redis"),
        ("CADENZA_REDIS_URL", "here", "CADENZA_REDIS_URL is not a URL"),
        ("CADENZA_DATABASE_URL", "postgresql://a:b@127.0.0.1:1/c", "cannot reach the database"),
    ],
)
def test_a_server_of_ones_own_that_does_not_answer_is_told_before_anything_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, url: str, told: str
) -> None:
    for name, port in free_ports(["CADENZA_GATEWAY_PORT", "CADENZA_MAILBOX_PORT"]).items():
        monkeypatch.setenv(name, str(port))
    monkeypatch.setenv(setting, url)
    done = CliRunner().invoke(
        command_line(), ["up", "--sandbox", "--data-dir", str(tmp_path / "data")]
    )
    assert done.exit_code == 1
    assert told in done.stderr
    assert "is up on" not in done.stdout


def _bare(settings: Mapping[str, str]) -> Mapping[str, str]:
    rest = {k: v for k, v in os.environ.items() if not k.startswith(("CADENZA_", "DEMO_"))}
    return {**rest, "PYTHONUNBUFFERED": "1", **settings}
