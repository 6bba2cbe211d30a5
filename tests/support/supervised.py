"""Small Python programs under a supervisor."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from console.supervisor import (
    Backoff,
    ProcessSpec,
    ProcessState,
    ProcessStatus,
    Supervisor,
)
from tests.support.eventually import eventually

QUICK = Backoff(first_seconds=0.01, longest_seconds=0.04)
WAITS = "print('up', flush=True); import signal; signal.pause()"
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
print("up", flush=True)
while True: signal.pause()"""
FAILS = "print('port 8025 is taken', flush=True); raise SystemExit(3)"

MakeSpec = Callable[..., ProcessSpec]


class Deaths:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []
        self.came = asyncio.Event()

    async def __call__(self, name: str, pid: int, exit_status: int) -> None:
        self.seen.append((name, pid, exit_status))
        self.came.set()


@asynccontextmanager
async def supervised(
    *specs: ProcessSpec, deaths: Deaths | None = None, backoff: Backoff = QUICK
) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(on_death=deaths, backoff=backoff)
    for each in specs:
        supervisor.add(each)
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


def pid_of(supervisor: Supervisor, name: str) -> int:
    pid = next(status.pid for status in supervisor.statuses if status.name == name)
    assert pid is not None
    return pid


async def restarted(supervisor: Supervisor, restarts: int = 1) -> ProcessStatus:
    async def runs_again() -> ProcessStatus | None:
        status = supervisor.statuses[0]
        again = status.restarts >= restarts and status.state == ProcessState.RUNNING
        return status if again else None

    status = await eventually(runs_again)
    assert status is not None
    return status


async def never() -> bool:
    return False
