"""What processes measure about themselves."""

import re

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.declaration import Declaration, Kind
from monitoring.metrics import (
    GROUPS,
    Actor,
    Phase,
    ProcessMetrics,
    ReapReason,
    SchedulerMetrics,
    WorkerMetrics,
    process_registry,
)
from monitoring.reference import LABELS, declarations
from tests.monitoring.promql import TARGET_LABELS
from tests.monitoring.promtool import needs_promtool, promtool

ALL = [declaration for declared in declarations().values() for declaration in declared]
UNITS = re.compile(
    r"_(seconds|touches|rows|batches|events|tasks|enrollments|info|shards|suppressions|waiting"
    r"|leased|unread|closed|up)$"
)


@pytest.mark.parametrize("declaration", ALL, ids=lambda d: d.name)
def test_a_metric_has_prefix_unit_and_help(declaration: Declaration) -> None:
    assert declaration.name.startswith("cadenza_")
    assert declaration.help.endswith(".")
    if declaration.kind is Kind.COUNTER:
        assert declaration.name.endswith("_total")
    else:
        assert UNITS.search(declaration.name)


@pytest.mark.parametrize("declaration", ALL, ids=lambda d: d.name)
def test_labels_come_from_closed_sets_and_leave_those_of_the_target_alone(
    declaration: Declaration,
) -> None:
    assert set(declaration.labels) <= LABELS.keys()
    assert not set(declaration.labels) & TARGET_LABELS


def test_every_label_in_the_reference_is_used() -> None:
    assert {label for declaration in ALL for label in declaration.labels} == LABELS.keys()


def test_no_metric_is_declared_twice() -> None:
    names = [declaration.name for declaration in ALL]
    assert len(names) == len(set(names))


def test_declarations_agree_with_what_is_exposed() -> None:
    registry = CollectorRegistry()
    groups = [group(registry) for group in GROUPS]
    exposed = {
        (f"{m.name}_total" if m.type == "counter" else m.name, m.type, m.documentation)
        for m in registry.collect()
    }
    assert exposed == {(d.name, d.kind, d.help) for group in groups for d in group.declarations}


def test_a_whole_process_fits_one_registry_and_is_read_back() -> None:
    registry = process_registry()
    ProcessMetrics(registry).info.labels("worker", "1.2.3").set(1)
    worker = WorkerMetrics(registry)
    worker.delivery_phase.labels(Phase.SEND).observe(0.02)
    worker.send_results.labels("email", "smtp", "accepted").inc(200)

    families = {f.name: f for f in text_string_to_metric_families(_exposition(registry))}

    assert families["cadenza_process_info"].samples[0].labels == {
        "process": "worker",
        "version": "1.2.3",
    }
    assert (
        registry.get_sample_value(
            "cadenza_send_results_total",
            {"channel": "email", "provider": "smtp", "result": "accepted"},
        )
        == 200
    )
    assert (
        registry.get_sample_value(
            "cadenza_delivery_phase_seconds_bucket", {"phase": "send", "le": "0.025"}
        )
        == 1
    )
    assert {"process_start_time_seconds", "process_resident_memory_bytes"} <= families.keys()
    assert "python_gc_collections" in families


@pytest.mark.parametrize("actor", Actor)
def test_failures_are_exposed_from_zero_on(actor: Actor) -> None:
    registry = CollectorRegistry()
    WorkerMetrics(registry)
    assert registry.get_sample_value("cadenza_actor_failures_total", {"actor": actor}) == 0


@pytest.mark.parametrize("reason", ReapReason)
def test_reaped_batches_are_exposed_from_zero_on(reason: ReapReason) -> None:
    registry = CollectorRegistry()
    SchedulerMetrics(registry)
    assert registry.get_sample_value("cadenza_reaped_batches_total", {"reason": reason}) == 0


@needs_promtool
def test_promtool_accepts_what_a_process_exposes() -> None:
    registry = process_registry()
    for group in GROUPS:
        group(registry)
    promtool("check", "metrics", text=_exposition(registry).encode())


def _exposition(registry: CollectorRegistry) -> str:
    return generate_latest(registry).decode()
