"""`python -m sandbox SETTINGS.json` runs the outside world until SIGTERM or SIGINT."""

import os
import signal
import sys
from pathlib import Path

import uvloop
from pydantic import ValidationError

from sandbox.main import run
from sandbox.settings import SandboxSettings, load_settings


async def _run_until_signal(settings: SandboxSettings) -> None:
    import asyncio  # noqa: PLC0415 - only here; uvloop owns the loop

    task = asyncio.ensure_future(run(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


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
    uvloop.run(_run_until_signal(settings))


if __name__ == "__main__":
    main()
