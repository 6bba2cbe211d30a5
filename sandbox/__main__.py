"""`python -m sandbox SETTINGS.json` runs the outside world until SIGTERM or SIGINT."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import uvloop
from pydantic import ValidationError

from sandbox.main import run
from sandbox.settings import SandboxSettings, load_settings


async def _run_until_signal(settings: SandboxSettings) -> None:
    world = asyncio.ensure_future(run(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, world.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await world


def main() -> None:
    """Read the settings named on the command line and run."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m sandbox SETTINGS.json")
    try:
        settings = load_settings(Path(sys.argv[1]), os.environ)
    except OSError as error:
        sys.exit(f"{sys.argv[1]}: cannot be read: {error.strerror}")
    except ValidationError as error:
        sys.exit(f"{sys.argv[1]}: {error}")
    try:
        uvloop.run(_run_until_signal(settings))
    except OSError as error:  # a port is taken, a certificate or folder cannot be used
        sys.exit(f"the sandbox cannot start: {error}; see the settings in {sys.argv[1]}")


if __name__ == "__main__":
    main()
