"""The exporter: one process that tells Prometheus about the whole deployment.

It reads the database when it is scraped, and one reading serves every
scrape of the next two seconds. A dead database is a fact to report, not a
reason to stop answering.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cadenza.insight.overview import PipelineOverview
from monitoring.declaration import Declaration, Kind
from monitoring.metrics import Process
from monitoring.observe import observe
from monitoring.pipeline import FAMILIES, Sample
from monitoring.server import MetricsServer

Reader = Callable[[], PipelineOverview]
"""Reads one consistent overview. May raise anything; is called from any thread, never twice at
once."""

UP = Declaration(
    name="cadenza_up",
    kind=Kind.GAUGE,
    help="1 if the exporter could read the database, else 0.",
)
READ = Declaration(
    name="cadenza_overview_read_seconds",
    kind=Kind.GAUGE,
    help="How long the last reading of the database took.",
)
DECLARATIONS = (UP, READ, *(family.declaration for family in FAMILIES))

_KEEP_SECONDS = 2.0
_READ_TIMEOUT_SECONDS = 8.0  # with the grace under Prometheus's scrape timeout of 10 s
_LOOP_GRACE_SECONDS = 1.0


class PipelineCollector(Collector):
    """Turns overviews into metrics. Never raises when scraped."""

    def __init__(
        self,
        read: Reader,
        *,
        keep_seconds: float = _KEEP_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._keep_seconds = keep_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: tuple[PipelineOverview | None, float] = (None, 0.0)
        self._keep_until = float("-inf")
        self._readable = True
        self._log = structlog.get_logger()

    def describe(self) -> Iterable[Metric]:
        """The families without samples, so that registering does not read the database."""
        return [_metric(declaration, []) for declaration in DECLARATIONS]

    def collect(self) -> Iterator[Metric]:
        """One overview as metrics; only `cadenza_up 0` and the time it took if there is none."""
        overview, seconds = self._overview()
        yield _metric(UP, [((), 0 if overview is None else 1)])
        yield _metric(READ, [((), seconds)])
        if overview is not None:
            for family in FAMILIES:
                yield _metric(family.declaration, family.samples(overview))

    def _overview(self) -> tuple[PipelineOverview | None, float]:
        with self._lock:
            if self._monotonic() >= self._keep_until:
                self._kept = self._read_anew()
                self._keep_until = self._monotonic() + self._keep_seconds
            return self._kept

    def _read_anew(self) -> tuple[PipelineOverview | None, float]:
        started = self._monotonic()
        overview: PipelineOverview | None = None
        try:
            overview = self._read()
        except Exception as error:  # noqa: BLE001 - whatever it is, the exporter must say "down"
            if self._readable:
                # Not the text: drivers put connection strings into it.
                self._log.warning("database_unreadable", error=type(error).__name__)
        else:
            if not self._readable:
                self._log.info("database_readable_again")
        self._readable = overview is not None
        return overview, self._monotonic() - started


def _metric(declaration: Declaration, samples: Iterable[Sample]) -> Metric:
    family = CounterMetricFamily if declaration.kind is Kind.COUNTER else GaugeMetricFamily
    metric = family(declaration.name, declaration.help, labels=declaration.labels)
    for values, amount in samples:
        metric.add_metric(values, amount)
    return metric


def read_on_loop(
    read: Callable[[], Awaitable[PipelineOverview]],
    loop: asyncio.AbstractEventLoop,
    *,
    timeout_seconds: float = _READ_TIMEOUT_SECONDS,
) -> Reader:
    """A reader for other threads that runs the asynchronous `read` on `loop`.

    It raises TimeoutError when the database does not answer in time.
    """

    async def bounded() -> PipelineOverview:
        async with asyncio.timeout(timeout_seconds):
            return await read()

    return lambda: asyncio.run_coroutine_threadsafe(bounded(), loop).result(
        # The loop itself may be stuck.
        timeout_seconds + _LOOP_GRACE_SECONDS
    )


@asynccontextmanager
async def export(
    read: Callable[[], Awaitable[PipelineOverview]],
    registry: CollectorRegistry,
    *,
    version: str,
    host: str,
    port: int,
) -> AsyncIterator[MetricsServer]:
    """While inside, the deployment's metrics are served, beside those of this process.

    `/healthz` tells of the exporter alone: restarting it would not mend a database.
    Raises ConfigurationError if the address cannot be listened on.
    """
    loop = asyncio.get_running_loop()
    registry.register(PipelineCollector(read_on_loop(read, loop)))
    async with observe(
        registry, process=Process.EXPORTER, version=version, host=host, port=port
    ) as server:
        yield server
