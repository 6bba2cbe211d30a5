"""`/metrics` and `/healthz` of one process, and the watch on its loop."""

import asyncio
import socket
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

from cadenza.errors import ConfigurationError
from monitoring.metrics import Process, process_registry
from monitoring.observe import LoopWatch, observe
from monitoring.server import MetricsServer, serve_metrics
from tests.support.eventually import PATIENCE_SECONDS, eventually


class Health:
    """What the process says of itself, for a test to change."""

    trouble: str | None = None

    def __call__(self) -> str | None:
        return self.trouble


@pytest.fixture(scope="module")
def health() -> Health:
    return Health()


@pytest.fixture(scope="module")
def server(health: Health) -> Iterator[MetricsServer]:
    registry = CollectorRegistry()
    Counter("cadenza_test_total", "A test.", registry=registry).inc(7)
    running = serve_metrics(registry, host="127.0.0.1", port=0, trouble=health)
    yield running
    running.close()


def _get(server: MetricsServer, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.port}{path}")


def test_metrics_are_served_on_the_port_that_was_free(server: MetricsServer) -> None:
    answer = _get(server, "/metrics")
    assert answer.status_code == 200
    assert "cadenza_test_total 7.0" in answer.text


def test_a_well_process_is_healthy(server: MetricsServer) -> None:
    answer = _get(server, "/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_a_process_in_trouble_says_which(server: MetricsServer, health: Health) -> None:
    health.trouble = "the loop is stuck"
    answer = _get(server, "/healthz")
    health.trouble = None
    assert (answer.status_code, answer.text) == (503, "the loop is stuck\n")


def test_other_paths_do_not_answer_with_metrics(server: MetricsServer) -> None:
    answer = _get(server, "/")
    assert answer.status_code == 404
    assert "cadenza_test_total" not in answer.text


def test_a_port_in_use_is_a_configuration_error_that_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"{port}.*CADENZA_METRICS_PORT"):
            serve_metrics(CollectorRegistry(), host="127.0.0.1", port=port, trouble=lambda: None)


async def test_an_observed_process_serves_its_role_and_its_loop_and_stops_to() -> None:
    registry = process_registry()
    async with (
        observe(
            registry, process=Process.GATEWAY, version="1.2.3", host="127.0.0.1", port=0
        ) as server,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}", timeout=PATIENCE_SECONDS
        ) as client,
    ):
        metrics = await client.get("/metrics")
        health = await client.get("/healthz")
    assert 'cadenza_process_info{process="gateway",version="1.2.3"} 1.0' in metrics.text
    assert health.status_code == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


class Ticks:
    """A monotonic clock that a test turns."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def _lag(registry: CollectorRegistry) -> Histogram:
    return Histogram("cadenza_loop_lag_seconds", "Lag.", registry=registry)


def test_a_loop_that_does_not_turn_is_told_after_a_while() -> None:
    ticks = Ticks()
    watch = LoopWatch(_lag(CollectorRegistry()), stuck_after_seconds=30, monotonic=ticks)
    ticks.seconds += 30
    assert watch.trouble() is None
    ticks.seconds += 15
    assert watch.trouble() == "the event loop has not turned for 45 s"


async def test_a_turning_loop_is_no_trouble_and_its_lag_is_measured() -> None:
    ticks, registry = Ticks(), CollectorRegistry()
    watch = LoopWatch(_lag(registry), period_seconds=0.001, stuck_after_seconds=30, monotonic=ticks)
    ticks.seconds += 1000
    watching = asyncio.create_task(watch.run())

    async def has_turned() -> bool:
        return (registry.get_sample_value("cadenza_loop_lag_seconds_count") or 0) > 1

    await eventually(has_turned)
    watching.cancel()
    assert watch.trouble() is None
