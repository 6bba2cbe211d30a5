"""The distribution as its users get it: built from this checkout, with what is installed here."""

import subprocess
import sys
from pathlib import Path

from tests.support.processes import REPOSITORY

PACKAGES = (
    "cadences",
    "cadenza",
    "console",
    "events",
    "monitoring",
    "sandbox",
    "scheduler",
    "senders",
    "workers",
)
"""The top-level names that Cadenza takes."""


def build_wheel(folder: Path) -> Path:
    """A wheel of the checkout, made in `folder`; needs no network."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel
