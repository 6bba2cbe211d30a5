"""Everything that the processes measure about themselves: all declared here, one group per role.

A process builds one registry with `process_registry` and on it the groups
that its role needs; a test builds a group on a fresh `CollectorRegistry`
and reads it back with `get_sample_value`. Nothing is registered globally.

What must survive restarts and add up over many processes is not here but
in `monitoring.pipeline`: it is counted in the database with the work itself.
"""

from collections.abc import Sequence
from enum import StrEnum

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from monitoring.declaration import Declaration, Kind

_FAST_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_WORK_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LAG_SECONDS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
_GROUP_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 500)


class Process(StrEnum):
    """The roles a process can have."""

    SCHEDULER = "scheduler"
    WORKER = "worker"
    GATEWAY = "gateway"
    MAILBOX = "mailbox"
    EXPORTER = "exporter"


class Phase(StrEnum):
    """The phases of the delivery of one batch, in order."""

    CLAIM = "claim"
    LIMIT = "limit"
    RENDER = "render"
    SEND = "send"
    COMMIT = "commit"


class SendResult(StrEnum):
    """What one call of a sender came to."""

    ACCEPTED = "accepted"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    AMBIGUOUS = "ambiguous"
    WITHHELD = "withheld"


class Actor(StrEnum):
    """The actors of the workers: what they do for a queue message."""

    DELIVER = "deliver"
    ENROLL = "enroll"
    APPLY = "apply"
    NOTIFY = "notify"


class PassPart(StrEnum):
    """The parts of one pass of the scheduler's loop.

    housekeeping: leases, crashed batches, lost hints. turns: timers and
    tasks. fill: giving free times to who waits for room. stage: cutting
    batches and releasing them.
    """

    HOUSEKEEPING = "housekeeping"
    TURNS = "turns"
    FILL = "fill"
    STAGE = "stage"


class ReapReason(StrEnum):
    """Why a scheduler took a batch up again.

    lapsed: its worker's lease ran out or the worker died, so it was
    settled. journal_lost: settled, and every touch is `unknown`, because
    the database had crashed. unheard: released and claimed by nobody, so
    it was hinted again.
    """

    LAPSED = "lapsed"
    JOURNAL_LOST = "journal_lost"
    UNHEARD = "unheard"


class Refusal(StrEnum):
    """Why what arrived was not stored as an event. `unavailable`: storage could not take it."""

    SIGNATURE = "signature"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"


class _Group:
    """Declares metrics on a registry and keeps what was declared, for the reference page."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.declarations: list[Declaration] = []

    def _note(self, name: str, kind: Kind, text: str, labels: Sequence[str]) -> None:
        self.declarations.append(Declaration(name=name, kind=kind, help=text, labels=tuple(labels)))

    def _counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        self._note(name, Kind.COUNTER, text, labels)
        return Counter(name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        self._note(name, Kind.GAUGE, text, labels)
        return Gauge(name, text, labels, registry=self._registry)

    def _histogram(
        self, name: str, text: str, labels: Sequence[str] = (), *, buckets: Sequence[float]
    ) -> Histogram:
        self._note(name, Kind.HISTOGRAM, text, labels)
        return Histogram(name, text, labels, registry=self._registry, buckets=buckets)


class ProcessMetrics(_Group):
    """What every process tells about itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.info = self._gauge(
            "cadenza_process_info", "Always 1: role and version.", ["process", "version"]
        )
        self.loop_lag = self._histogram(
            "cadenza_loop_lag_seconds",
            "How late the event loop woke up from a short sleep.",
            buckets=_WORK_SECONDS,
        )


class SchedulerMetrics(_Group):
    """What schedulers measure."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.pass_duration = self._histogram(
            "cadenza_scheduler_pass_seconds",
            "Duration of one part of a pass over the leased shards.",
            ["part"],
            buckets=_WORK_SECONDS,
        )
        self.shards_leased = self._gauge(
            "cadenza_shards_leased", "Shards that this scheduler holds a lease on."
        )
        self.shard_leases_lost = self._counter(
            "cadenza_shard_leases_lost_total",
            "Shards that another scheduler had taken over when this one came to use them.",
        )
        self.reaped_batches = self._counter(
            "cadenza_reaped_batches_total", "Batches settled or hinted again.", ["reason"]
        )
        for reason in ReapReason:  # from 0 on, so that the first one shows as an increase
            self.reaped_batches.labels(reason)


class WorkerMetrics(_Group):
    """What workers measure."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.touch_lag = self._histogram(
            "cadenza_touch_lag_seconds",
            "How long after its due time a touch was begun, in schedule time.",
            ["channel"],
            buckets=_LAG_SECONDS,
        )
        self.batch_size = self._histogram(
            "cadenza_batch_size_touches", "Touches in a claimed batch.", buckets=_GROUP_SIZES
        )
        self.delivery_phase = self._histogram(
            "cadenza_delivery_phase_seconds",
            "Duration of one phase of the delivery of a batch.",
            ["phase"],
            buckets=_WORK_SECONDS,
        )
        self.render = self._histogram(
            "cadenza_render_seconds",
            "Time to render one touch.",
            ["channel"],
            buckets=_FAST_SECONDS,
        )
        self.send = self._histogram(
            "cadenza_send_seconds",
            "Time from handing a touch to the sender until its result.",
            ["channel", "provider"],
            buckets=_WORK_SECONDS,
        )
        self.send_results = self._counter(
            "cadenza_send_results_total",
            "Sends by what they came to.",
            ["channel", "provider", "result"],
        )
        self.limiter_latency = self._histogram(
            "cadenza_limiter_latency_seconds",
            "Round trip of one request to the rate limiter, for a whole batch.",
            buckets=_FAST_SECONDS,
        )
        self.journal_group_size = self._histogram(
            "cadenza_journal_group_size_rows",
            "Attempts written to the journal by one statement.",
            buckets=_GROUP_SIZES,
        )
        self.batch_leases_lost = self._counter(
            "cadenza_batch_leases_lost_total",
            "Batches that were taken over by another worker while this one held them.",
        )
        self.actor_duration = self._histogram(
            "cadenza_actor_seconds",
            "Duration of the work for one queue message.",
            ["actor"],
            buckets=_WORK_SECONDS,
        )
        self.actor_failures = self._counter(
            "cadenza_actor_failures_total",
            "Queue messages whose work ended in an unexpected error.",
            ["actor"],
        )
        for actor in Actor:  # from 0 on, so that the first failure shows as an increase
            self.actor_failures.labels(actor)


class IntakeMetrics(_Group):
    """What the gateway and the mailbox reader measure."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.events_recorded = self._counter(
            "cadenza_events_recorded_total",
            "Events handed to storage and durable, repeated ones included.",
            ["source", "type"],
        )
        self.events_refused = self._counter(
            "cadenza_events_refused_total",
            "Arrivals that were not stored as events.",
            ["source", "reason"],
        )
        self.record = self._histogram(
            "cadenza_event_record_seconds",
            "Time until what arrived was durable, and could be acknowledged.",
            ["source"],
            buckets=_WORK_SECONDS,
        )


GROUPS: tuple[type[_Group], ...] = (
    ProcessMetrics,
    SchedulerMetrics,
    WorkerMetrics,
    IntakeMetrics,
)


def process_registry() -> CollectorRegistry:
    """A new registry with what Python and the operating system tell of this process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
