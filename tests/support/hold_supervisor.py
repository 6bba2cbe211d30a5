"""Supervise one process until killed or interrupted.

    python -m tests.support.hold_supervisor LOG ARGV ...

Says its number, as JSON, as soon as the process has said something.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import structlog

from console.embedded.process import log_size
from console.supervisor import ProcessSpec, Supervisor


async def supervise(log_path: Path, argv: list[str]) -> None:
    async def says_something() -> bool:
        return log_size(log_path) > 0

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    supervisor = Supervisor()
    supervisor.add(
        ProcessSpec(
            name="child",
            argv=argv,
            env=os.environ,
            log_path=log_path,
            ready=says_something,
            stop_timeout_seconds=60,
        )
    )
    await supervisor.start()
    print(json.dumps({"pid": supervisor.statuses[0].pid}), flush=True)
    await supervisor.run_until_stopped()


if __name__ == "__main__":
    asyncio.run(supervise(Path(sys.argv[1]), sys.argv[2:]))
