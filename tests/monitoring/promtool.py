"""Runs promtool where the machine has it."""

import shutil
import subprocess
from pathlib import Path

import pytest

HOW_TO_GET_IT = (
    "promtool is not on PATH; it comes with Prometheus (Debian: apt-get install prometheus)"
)

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason=HOW_TO_GET_IT)


def promtool(*arguments: str | Path, text: bytes = b"") -> None:
    """Run promtool; fail with what it says unless it is content."""
    done = subprocess.run(
        ["promtool", *map(str, arguments)],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()
