"""The exporter, over a socket and over readers that fail."""

import asyncio
import threading
from collections.abc import Mapping

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from cadenza.insight.overview import BatchState, PipelineOverview
from cadenza.model import Channel
from monitoring.exporter import DECLARATIONS, PipelineCollector, Reader, export, read_on_loop
from monitoring.metrics import process_registry
from tests.monitoring.overviews import BUSY, EMPTY, overview, rollup
from tests.monitoring.promtool import needs_promtool, promtool
from tests.support.eventually import PATIENCE_SECONDS


class Ticks:
    """A monotonic clock that a test turns."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Database:
    """A reader that counts its readings, and fails when told to."""

    readings = 0
    error: Exception | None = None

    def __call__(self) -> PipelineOverview:
        self.readings += 1
        if self.error is not None:
            raise self.error
        return BUSY


def _registry(read: Reader, ticks: Ticks | None = None) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(PipelineCollector(read, monotonic=ticks or Ticks()))
    return registry


def _sample(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def _shown(shown: PipelineOverview) -> CollectorRegistry:
    return _registry(lambda: shown)


EXPECTED: Mapping[tuple[str, frozenset[tuple[str, str]]], float] = {
    (name, frozenset(labels.items())): value
    for name, labels, value in [
        (
            "cadenza_touches_total",
            {"cadence": "intro", "step": "hello", "channel": "email", "status": "sent"},
            100,
        ),
        (
            "cadenza_touches_total",
            {"cadence": "", "step": "hello", "channel": "email", "status": "skipped"},
            3,
        ),
        ("cadenza_deferrals_total", {"channel": "email", "reason": "account_gap"}, 7),
        (
            "cadenza_events_total",
            {"cadence": "intro", "step": "hello", "channel": "email", "type": "opened"},
            60,
        ),
        (
            "cadenza_touch_reactions_total",
            {"cadence": "intro", "step": "hello", "channel": "email", "type": "opened"},
            40,
        ),
        (
            "cadenza_tasks_total",
            {"cadence": "intro", "step": "call", "disposition": "connected"},
            5,
        ),
        ("cadenza_enrollment_rows_total", {"cadence": "intro", "verdict": "rejected"}, 10),
        ("cadenza_enrollment_rows_total", {"cadence": "intro", "verdict": "refused"}, 6),
        ("cadenza_signals_total", {"verdict": "recorded"}, 12),
        ("cadenza_enrollments_finished_total", {"cadence": "intro", "outcome": "replied"}, 4),
        ("cadenza_due_touches", {"channel": "email"}, 20),
        ("cadenza_due_lag_seconds", {"channel": "email"}, 12.5),
        ("cadenza_planned_touches", {"channel": "email"}, 500),
        ("cadenza_bucket_batches", {"state": "claimed"}, 2),
        ("cadenza_bucket_touches", {"state": "claimed"}, 350),
        ("cadenza_enrollments", {"cadence": "intro", "status": "active"}, 86),
        ("cadenza_enrollments", {"cadence": "intro", "status": "paused"}, 0),
        ("cadenza_account_used_touches", {"account": "ann", "channel": "email"}, 30),
        ("cadenza_account_up", {"account": "ann", "channel": "email"}, 1),
        ("cadenza_waiting_touches", {"channel": "email", "reason": "account_gap"}, 4),
        ("cadenza_account_cap_touches", {"account": "ann", "channel": "email"}, 50),
        ("cadenza_shards", {"state": "leased"}, 200),
        ("cadenza_shards", {"state": "unleased"}, 56),
        ("cadenza_inbox_events", {}, 3),
        ("cadenza_inbox_oldest_age_seconds", {}, 0.75),
        ("cadenza_notifications_waiting", {}, 2),
        ("cadenza_open_tasks", {}, 11),
        ("cadenza_unknown_touches", {}, 1),
        ("cadenza_suppressions", {"forbids": "everything"}, 9),
        ("cadenza_suppressions", {"forbids": "marketing"}, 4),
        ("cadenza_rollups_unread", {}, 0),
        ("cadenza_up", {}, 1),
    ]
}


@pytest.mark.parametrize(("name", "labels"), EXPECTED)
def test_an_overview_is_exposed(name: str, labels: frozenset[tuple[str, str]]) -> None:
    assert _sample(_shown(BUSY), name, **dict(labels)) == EXPECTED[name, labels]


def test_every_declared_metric_is_exposed_and_no_other() -> None:
    families = text_string_to_metric_families(generate_latest(_shown(BUSY)).decode())
    exposed = {f"{f.name}_total" if f.type == "counter" else f.name for f in families}
    assert exposed == {declaration.name for declaration in DECLARATIONS}


def test_the_same_deferral_of_several_rows_is_one_counter() -> None:
    rows = (rollup("deferred:gap", 2, step="a"), rollup("deferred:gap", 3, step="b"))
    registry = _shown(overview(rollups=rows))
    assert _sample(registry, "cadenza_deferrals_total", channel="email", reason="gap") == 5


@pytest.mark.parametrize("metric", ["sent:twice", "deferred", "deferred:", "invented:thing", ""])
def test_a_rollup_of_a_newer_version_is_counted_as_unread(metric: str) -> None:
    registry = _shown(overview(rollups=(rollup(metric, 5),)))
    assert _sample(registry, "cadenza_rollups_unread") == 1
    assert "5.0" not in generate_latest(registry).decode()


@pytest.mark.parametrize("channel", Channel)
def test_a_channel_without_work_shows_zero_and_not_nothing(channel: Channel) -> None:
    assert _sample(_shown(EMPTY), "cadenza_due_touches", channel=channel) == 0
    assert _sample(_shown(EMPTY), "cadenza_due_lag_seconds", channel=channel) == 0


@pytest.mark.parametrize("state", BatchState)
def test_a_batch_state_without_batches_shows_zero_and_not_nothing(state: BatchState) -> None:
    assert _sample(_shown(EMPTY), "cadenza_bucket_touches", state=state) == 0


def test_one_reading_serves_the_scrapes_of_two_seconds() -> None:
    database, ticks = Database(), Ticks()
    registry = _registry(database, ticks)
    generate_latest(registry)
    ticks.seconds = 1.9
    generate_latest(registry)
    assert database.readings == 1
    ticks.seconds = 2.0
    generate_latest(registry)
    assert database.readings == 2


def test_scrapes_at_the_same_time_share_one_reading() -> None:
    entered, release, readings = threading.Event(), threading.Event(), []

    def read() -> PipelineOverview:
        readings.append(threading.get_ident())
        entered.set()
        assert release.wait(10)
        return BUSY

    registry = _registry(read)
    scrapes = [threading.Thread(target=generate_latest, args=[registry]) for _ in range(3)]
    for scrape in scrapes:
        scrape.start()
    assert entered.wait(10)
    release.set()
    for scrape in scrapes:
        scrape.join(10)
    assert len(readings) == 1


def test_registering_reads_nothing() -> None:
    database = Database()
    _registry(database)
    assert database.readings == 0


def test_a_dead_database_is_told_and_old_numbers_are_not() -> None:
    database, ticks = Database(), Ticks()
    registry = _registry(database, ticks)
    generate_latest(registry)
    database.error = ConnectionRefusedError("postgresql://cadenza:secret@db")
    ticks.seconds = 10
    with capture_logs() as logs:
        assert _sample(registry, "cadenza_up") == 0
        assert _sample(registry, "cadenza_due_touches", channel="email") is None
    assert logs == [
        {
            "event": "database_unreadable",
            "error": "ConnectionRefusedError",
            "log_level": "warning",
        }
    ]


def test_a_database_that_stays_dead_is_logged_once_and_its_return_too() -> None:
    database, ticks = Database(), Ticks()
    database.error = OSError()
    registry = _registry(database, ticks)
    with capture_logs() as logs:
        for ticks.seconds in (10, 20, 30):
            generate_latest(registry)
        database.error = None
        ticks.seconds = 40
        assert _sample(registry, "cadenza_up") == 1
    assert [line["event"] for line in logs] == ["database_unreadable", "database_readable_again"]


async def test_a_database_that_does_not_answer_counts_as_dead() -> None:
    async def read() -> PipelineOverview:
        await asyncio.Event().wait()
        raise AssertionError

    reader = read_on_loop(read, asyncio.get_running_loop(), timeout_seconds=0.01)
    registry = _registry(reader)
    text = await asyncio.to_thread(generate_latest, registry)
    assert b"cadenza_up 0.0" in text


async def test_the_exporter_serves_the_deployment_beside_its_own_process() -> None:
    async def read() -> PipelineOverview:
        return BUSY

    async with (
        export(read, process_registry(), version="1.2.3", host="127.0.0.1", port=0) as server,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}", timeout=PATIENCE_SECONDS
        ) as client,
    ):
        metrics = (await client.get("/metrics")).text
    assert "cadenza_up 1.0" in metrics
    assert 'cadenza_process_info{process="exporter",version="1.2.3"} 1.0' in metrics
    assert "process_start_time_seconds" in metrics


async def test_the_exporter_stays_healthy_without_a_database() -> None:
    async def read() -> PipelineOverview:
        raise ConnectionRefusedError

    with capture_logs():
        async with (
            export(read, process_registry(), version="1.2.3", host="127.0.0.1", port=0) as server,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{server.port}", timeout=PATIENCE_SECONDS
            ) as client,
        ):
            assert "cadenza_up 0.0" in (await client.get("/metrics")).text
            assert (await client.get("/healthz")).status_code == 200


@needs_promtool
def test_promtool_accepts_what_the_exporter_exposes() -> None:
    registry = process_registry()
    registry.register(PipelineCollector(lambda: BUSY))
    promtool("check", "metrics", text=generate_latest(registry))
