"""Helper programs of tests, and what they leave behind."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import console
from console.embedded.account import account_for_postgres
from console.embedded.process import wait_for_end
from tests.support.eventually import PATIENCE_SECONDS

REPOSITORY = Path(console.__file__).parents[1]


@contextmanager
def helper(
    module: str,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    python: str = sys.executable,
    **options: Any,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module of the tests as a program that leads its own process group, and end it."""
    packages = os.pathsep.join([str(REPOSITORY), *(path for path in sys.path if path)])
    with subprocess.Popen(
        [python, "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": packages, **(env or {})},
        cwd="/",
        stdout=subprocess.PIPE,
        start_new_session=True,
        **options,
    ) as process:
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()


def said(process: subprocess.Popen[bytes]) -> Any:
    """The next line that a helper says, read as JSON; fails if it ended instead."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the helper ended with status {process.wait()}"
    return json.loads(line)


def interrupt_group(process: subprocess.Popen[bytes]) -> None:
    """What a Ctrl-C in its terminal does."""
    os.killpg(process.pid, signal.SIGINT)


def assert_ends(process: subprocess.Popen[bytes]) -> None:
    assert wait_for_end(process, PATIENCE_SECONDS), f"{process.args!r} goes on"


def processes_in(folder: Path) -> Sequence[int]:
    """The processes whose current folder is in `folder`, as that of servers is; no zombies."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and Path(os.readlink(f"/proc/{name}/cwd")).is_relative_to(folder):
                found.append(int(name))
    return found


def is_running(pid: int) -> bool:
    """Whether a process of this number exists that is not a zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def python_for_everybody() -> str | None:
    """A Python that the unprivileged user can run, of whichever version is new enough."""
    account = account_for_postgres()
    for candidate in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin")):
        if candidate is None or (account is not None and not account.can_read(Path(candidate))):
            continue
        check = "import sys, ctypes; sys.exit(sys.version_info < (3, 11))"
        if subprocess.run([candidate, "-I", "-c", check], check=False).returncode == 0:
            return candidate
    return None
