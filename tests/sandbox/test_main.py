"""The outside world as a process of its own, under uvloop."""

import asyncio
import errno
import json
import os
import ssl
import sys
from pathlib import Path
from typing import Any

import aiosmtplib
import httpx
import pytest

from sandbox.settings import SandboxSettings, load_settings
from tests.sandbox.world import eventually, make_mail
from tests.support.eventually import PATIENCE_SECONDS

CERTIFICATE = Path(__file__).parent / "localhost.pem"
ROOT = Path(__file__).parents[2]


async def spawn(path: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", str(path), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )


async def test_the_process_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    ready = tmp_path / "ready.json"
    document = {
        "var_dir": str(tmp_path / "var"),
        "ready_file": str(ready),
        "smtp": {"accounts": {"anna": "s"}, "tls_cert": str(CERTIFICATE)},
    }
    settings.write_text(json.dumps(document))
    process = await spawn(settings)
    try:
        await eventually(lambda: ready.exists() or process.returncode is not None, "it is ready")
        started = json.loads(ready.read_text())
        ports = started["ports"]
        assert started["pid"] == process.pid
        assert set(ports) == {"smtp", "sms", "social", "webhook", "control"}
        client = aiosmtplib.SMTP(
            hostname="127.0.0.1",
            port=ports["smtp"],
            username="anna",
            password="s",
            start_tls=True,
            tls_context=ssl.create_default_context(cafile=CERTIFICATE),
        )
        async with client:
            await client.send_message(make_mail("p1@x.example"))
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
            url = f"http://127.0.0.1:{ports['control']}/state"
            assert (await http.get(url)).json()["received"] == {"email": 1}
    finally:
        process.terminate()
        _, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    ledger = tmp_path / "var" / "ledger.jsonl"
    assert ledger.stat().st_mode & 0o077 == 0
    (line,) = ledger.read_text().splitlines()
    assert json.loads(line)["to"] == "p1@x.example"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [('{"var_dir": "x", "typo": 1}', "typo"), (None, "cannot be read"), ("{", "Invalid JSON")],
)
async def test_wrong_settings_are_named(
    tmp_path: Path, content: str | None, complaint: str
) -> None:
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_text(content)
    process = await spawn(path)
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert complaint in errors.decode()
    assert str(path) in errors.decode()
    assert "Traceback" not in errors.decode()


def test_the_clock_file_falls_back_to_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"var_dir": "var"}))
    environ = {"CADENZA_CLOCK_FILE": "/run/clock"}
    assert load_settings(path, environ).clock_file == Path("/run/clock")
    assert load_settings(path, {}).clock_file is None
    path.write_text(json.dumps({"var_dir": "var", "clock_file": "/own"}))
    assert load_settings(path, environ).clock_file == Path("/own")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rates": {"opened": 1.5}},
        {"overrides": {"a@x.example": {"persona": "unheard of"}}},
        {"smtp": {"port": 70_000}},
        {"outbox": {}},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        SandboxSettings.model_validate({"var_dir": "var", **wrong})


async def test_a_taken_port_is_an_error_with_nothing_left_running(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"var_dir": str(tmp_path), "control": {"port": port}}))
    process = await spawn(settings)
    _, errors = await process.communicate()
    server.close()
    assert process.returncode == 1
    assert os.strerror(errno.EADDRINUSE).lower() in errors.decode().lower()
    assert "Traceback" not in errors.decode()
    assert not (tmp_path / "ready.json").exists()


def test_the_settings_in_the_documentation_are_right() -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text()
    document = page.partition("```json\n")[2].partition("```")[0]
    settings = SandboxSettings.model_validate_json(document)
    assert settings.overrides["jean@customer.example"].persona == "replies_positive"
