"""Overviews to expose."""

from dataclasses import replace
from typing import Any

from cadenza.insight.overview import (
    AccountUse,
    BatchDepth,
    BatchState,
    ChannelDepth,
    EnrollmentDepth,
    PipelineOverview,
    Rollup,
    WaitingDepth,
)
from cadenza.model import SHARDS, Channel, EnrollmentStatus

EMPTY = PipelineOverview(
    rollups=(),
    channels=(),
    batches=(),
    enrollments=(),
    accounts=(),
    inbox_events=0,
    inbox_oldest_age_seconds=0.0,
    notifications_waiting=0,
    open_tasks=0,
    unknown_touches=0,
    shards_leased=SHARDS,
    suppressions=0,
    schedule_offset_seconds=0.0,
)


def overview(**changes: Any) -> PipelineOverview:
    """An idle deployment but for `changes`."""
    return replace(EMPTY, **changes)


def rollup(
    metric: str, value: int, *, cadence: str = "intro", step: str = "hello", channel: str = "email"
) -> Rollup:
    return Rollup(cadence=cadence, step=step, channel=channel, metric=metric, value=value)


BUSY = overview(
    rollups=(
        rollup("sent", 100),
        rollup("unknown", 1),
        rollup("failed", 2),
        rollup("skipped", 3, cadence=""),
        rollup("deferred:account_gap", 7, cadence="", step=""),
        rollup("event:opened", 60),
        rollup("first:opened", 40),
        rollup("task:connected", 5, step="call", channel="task"),
        rollup("enrolled", 90, step="", channel=""),
        rollup("rejected", 10, step="", channel=""),
        rollup("refused", 6, step="", channel=""),
        rollup("signal:recorded", 12, cadence="", step="", channel=""),
        rollup("finished:replied", 4, step="", channel=""),
    ),
    channels=(
        ChannelDepth(channel=Channel.EMAIL, planned=500, due=20, oldest_due_age_seconds=12.5),
    ),
    batches=(BatchDepth(state=BatchState.CLAIMED, batches=2, touches=350),),
    enrollments=(EnrollmentDepth(cadence="intro", status=EnrollmentStatus.ACTIVE, enrollments=86),),
    accounts=(AccountUse(account_id="ann", channel=Channel.EMAIL, used_today=30, cap_per_day=50),),
    inbox_events=3,
    inbox_oldest_age_seconds=0.75,
    notifications_waiting=2,
    open_tasks=11,
    unknown_touches=1,
    shards_leased=200,
    waiting=(WaitingDepth(channel="email", reason="account_gap", touches=4),),
    suppressions=9,
    marketing_suppressions=4,
)
"""A deployment in which everything is there once."""
