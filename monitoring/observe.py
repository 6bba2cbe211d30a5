"""What every long-running process does to be seen: metrics, health, and a watch on its loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Histogram

from monitoring.metrics import Process, ProcessMetrics
from monitoring.server import MetricsServer, serve_metrics

_PERIOD_SECONDS = 0.5
_STUCK_AFTER_SECONDS = 30.0


class LoopWatch:
    """Measures how late the event loop wakes up, and tells when it has stopped to."""

    def __init__(
        self,
        lag: Histogram,
        *,
        period_seconds: float = _PERIOD_SECONDS,
        stuck_after_seconds: float = _STUCK_AFTER_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lag = lag
        self._period_seconds = period_seconds
        self._stuck_after_seconds = stuck_after_seconds
        self._monotonic = monotonic
        self._beat = monotonic()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            before = self._monotonic()
            await asyncio.sleep(self._period_seconds)
            self._beat = self._monotonic()
            self._lag.observe(max(0.0, self._beat - before - self._period_seconds))

    def trouble(self) -> str | None:
        """A sentence if the loop has not turned for long, else None. Callable from any thread."""
        silent_seconds = self._monotonic() - self._beat
        if silent_seconds <= self._stuck_after_seconds:
            return None
        return f"the event loop has not turned for {silent_seconds:.0f} s"


@asynccontextmanager
async def observe(
    registry: CollectorRegistry, *, process: Process, version: str, host: str, port: int
) -> AsyncIterator[MetricsServer]:
    """While inside: `/metrics` and `/healthz` answer for this process, whose loop is watched.

    Enter it on the loop that does the work. Raises ConfigurationError if
    the address cannot be listened on.
    """
    metrics = ProcessMetrics(registry)
    metrics.info.labels(process, version).set(1)
    watch = LoopWatch(metrics.loop_lag)
    server = serve_metrics(registry, host=host, port=port, trouble=watch.trouble)
    watching = asyncio.create_task(watch.run(), name="loop-watch")
    try:
        yield server
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await asyncio.to_thread(server.close)
