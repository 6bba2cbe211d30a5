"""Builds the dashboards: `python -m monitoring.grafana.build` writes `dashboards/*.json` anew.

The JSON is committed, because Grafana reads files; a test compares the two.
Needs the development dependency grafana-foundation-sdk.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from monitoring.grafana.panels import bars, data_source, number, series, thresholds_at

DASHBOARDS = Path(__file__).parent / "dashboards"

_SENDING = 'channel=~"email|sms|social"'
_CADENCE = 'cadence=~"$cadence"'
_RATE = "[$__rate_interval]"


def _in_range(selector: str) -> str:
    # Exact, where increase() extrapolates and misses what a series starts with: these
    # counters live in the database and are never reset.
    now, before = f"sum({selector})", f"sum({selector} offset $__range)"
    return f"({now} or vector(0)) - ({before} or vector(0))"


def _quantile(quantile: float, metric: str, by: str) -> str:
    return f"histogram_quantile({quantile}, sum by (le, {by}) (rate({metric}_bucket{_RATE})))"


def _mean(metric: str) -> str:
    return f"sum(rate({metric}_sum{_RATE})) / sum(rate({metric}_count{_RATE}))"


def _at_a_glance() -> Sequence[Builder[dashboard.Panel]]:
    return (
        number(
            "Database",
            "1: the exporter reads it. 0: it cannot.",
            "cadenza_up",
            thresholds=thresholds_at((None, "red"), (1, "green")),
        ),
        number(
            "Sent per minute",
            "Touches that a provider took over.",
            f'60 * sum(rate(cadenza_touches_total{{status="sent"}}{_RATE}))',
        ),
        number(
            "Due lag",
            "For how long the oldest touch that should have left is due.",
            f"max(cadenza_due_lag_seconds{{{_SENDING}}})",
            unit="s",
            thresholds=thresholds_at((None, "green"), (60, "orange"), (300, "red")),
        ),
        number(
            "Unknown touches",
            "Of which nobody knows yet whether they left.",
            "cadenza_unknown_touches",
            thresholds=thresholds_at((None, "green"), (1, "red")),
        ),
        number(
            "Inbox",
            "Events stored and not applied yet.",
            "cadenza_inbox_events",
            thresholds=thresholds_at((None, "green"), (1000, "orange"), (10000, "red")),
        ),
        number(
            "Alerts firing",
            "What each means: docs/operations.md.",
            'count(ALERTS{alertstate="firing"}) or vector(0)',
            thresholds=thresholds_at((None, "green"), (1, "red")),
        ),
    )


def _pipeline() -> Sequence[Builder[dashboard.Panel]]:
    return (
        series(
            "Touches sent, by channel",
            "Per second.",
            {
                "{{channel}}": "sum by (channel) (rate(cadenza_touches_total"
                f'{{status="sent", {_CADENCE}}}{_RATE}))'
            },
            unit="ops",
            stacked=True,
        ),
        series(
            "Due lag, by channel",
            "For how long the oldest due touch is due, in schedule time.",
            {"{{channel}}": "cadenza_due_lag_seconds"},
            unit="s",
        ),
        series(
            "Deferrals, by reason",
            "Due touches put back, per second. A limit that holds is no fault.",
            {"{{reason}}": f"sum by (reason) (rate(cadenza_deferrals_total{_RATE}))"},
            unit="ops",
            stacked=True,
        ),
        series(
            "Bucket depth",
            "Touches in batches, by state, and due touches that no batch has taken.",
            {
                "{{state}}": "cadenza_bucket_touches",
                "due": f"sum(cadenza_due_touches{{{_SENDING}}})",
            },
            stacked=True,
        ),
        series(
            "Events, by type",
            "Applied, per second.",
            {"{{type}}": f"sum by (type) (rate(cadenza_events_total{{{_CADENCE}}}{_RATE}))"},
            unit="ops",
        ),
        bars(
            "Funnel",
            "In the time range of the dashboard; each touch counts once.",
            {
                "sent": _in_range(f'cadenza_touches_total{{status="sent", {_CADENCE}}}'),
                "opened": _in_range(f'cadenza_touch_reactions_total{{type="opened", {_CADENCE}}}'),
                "clicked": _in_range(
                    f'cadenza_touch_reactions_total{{type="clicked", {_CADENCE}}}'
                ),
                "replied": _in_range(
                    f'cadenza_touch_reactions_total{{type="replied", {_CADENCE}}}'
                ),
                "meeting": _in_range(f'cadenza_events_total{{type="meeting_booked", {_CADENCE}}}'),
            },
        ),
        bars(
            "Accounts: used of today's cap",
            "The 20 fullest sender accounts.",
            {
                "{{account}}": "topk(20, cadenza_account_used_touches"
                " / (cadenza_account_cap_touches > 0))"
            },
            unit="percentunit",
            thresholds=thresholds_at((None, "green"), (0.9, "orange"), (1, "red")),
        ),
        series(
            "Enrollments and tasks",
            "Enrollments under way, and tasks that wait for a person.",
            {
                "{{status}}": f"sum by (status) (cadenza_enrollments{{{_CADENCE}}})",
                "open tasks": "cadenza_open_tasks",
            },
        ),
        series(
            "Oldest event in the inbox",
            "Since when it waits to be applied.",
            {"age": "cadenza_inbox_oldest_age_seconds"},
            unit="s",
        ),
    )


def _processes() -> Sequence[Builder[dashboard.Panel]]:
    return (
        series(
            "Processes up",
            "By role.",
            {"{{job}}": "sum by (job) (up)"},
            width=6,
        ),
        series(
            "Starts",
            "Processes that (re)started in the last 15 minutes.",
            {"{{job}}": "sum by (job) (changes(process_start_time_seconds[15m]))"},
            width=6,
        ),
        series(
            "Processor time",
            "Cores in use.",
            {"{{job}}": f"sum by (job) (rate(process_cpu_seconds_total{_RATE}))"},
            width=6,
        ),
        series(
            "Memory",
            "Resident.",
            {"{{job}}": "sum by (job) (process_resident_memory_bytes)"},
            unit="bytes",
            width=6,
        ),
        series(
            "Sends, by result",
            "Per second.",
            {
                "{{provider}} {{result}}": "sum by (provider, result) "
                f"(rate(cadenza_send_results_total{_RATE}))"
            },
            unit="ops",
            stacked=True,
        ),
        series(
            "Delivery of a batch, by phase",
            "95th percentile.",
            {"{{phase}}": _quantile(0.95, "cadenza_delivery_phase_seconds", "phase")},
            unit="s",
        ),
        series(
            "Provider latency",
            "95th percentile of one send.",
            {"{{provider}}": _quantile(0.95, "cadenza_send_seconds", "provider")},
            unit="s",
        ),
        series(
            "Rate limiter, storing events, event loops",
            "99th percentile.",
            {
                "limiter {{job}}": _quantile(0.99, "cadenza_limiter_latency_seconds", "job"),
                "store {{source}}": _quantile(0.99, "cadenza_event_record_seconds", "source"),
                "loop {{job}}": _quantile(0.99, "cadenza_loop_lag_seconds", "job"),
            },
            unit="s",
        ),
        series(
            "Scheduler pass",
            "95th percentile of each part.",
            {"{{part}}": _quantile(0.95, "cadenza_scheduler_pass_seconds", "part")},
            unit="s",
        ),
        series(
            "Group sizes",
            "Mean: touches in a batch, attempts in a journal statement.",
            {
                "batch": _mean("cadenza_batch_size_touches"),
                "journal": _mean("cadenza_journal_group_size_rows"),
            },
        ),
        series(
            "Crashes mended",
            "Batches settled or hinted again, leases lost, actors failed, per second.",
            {
                "reaped {{reason}}": f"sum by (reason) (rate(cadenza_reaped_batches_total{_RATE}))",
                "batch lease lost": f"sum(rate(cadenza_batch_leases_lost_total{_RATE}))",
                "shard lease lost": f"sum(rate(cadenza_shard_leases_lost_total{_RATE}))",
                "failed {{actor}}": f"sum by (actor) (rate(cadenza_actor_failures_total{_RATE}))",
            },
            unit="ops",
        ),
        series(
            "Events refused",
            "Arrivals that were not stored, per second.",
            {
                "{{source}} {{reason}}": "sum by (source, reason) "
                f"(rate(cadenza_events_refused_total{_RATE}))"
            },
            unit="ops",
        ),
        series(
            "Shards",
            "With and without a scheduler.",
            {"{{state}}": "cadenza_shards"},
            stacked=True,
        ),
    )


def pipeline() -> dashboard.Dashboard:
    """The dashboard of the pipeline: the first rows fill one screen, processes come below."""
    board = (
        builders.Dashboard("Pipeline")
        .uid("cadenza-pipeline")
        .description("Cadenza: from the plan to what comes back.")
        .tags(["cadenza"])
        .timezone("browser")
        .refresh("10s")
        .time("now-6h", "now")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .with_variable(
            builders.QueryVariable("cadence")
            .label("Cadence")
            .datasource(data_source())
            .query("label_values(cadenza_touches_total, cadence)")
            .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True)
            .include_all(True)
            .all_value(".*")
            .current(dashboard.VariableOption(selected=True, text="All", value="$__all"))
        )
    )
    for panel in (*_at_a_glance(), *_pipeline()):
        board = board.with_panel(panel)
    board = board.with_row(builders.Row("Processes"))
    for panel in _processes():
        board = board.with_panel(panel)
    built = board.build()
    for panel_id, placed in enumerate(built.panels or (), start=1):
        placed.id_val = panel_id
    return built


def render() -> Mapping[Path, str]:
    """Every dashboard file and its text."""
    text = JSONEncoder(indent=2, sort_keys=True).encode(pipeline())
    return {DASHBOARDS / "pipeline.json": text + "\n"}


def main() -> None:
    """Write the dashboard files."""
    for path, text in render().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
