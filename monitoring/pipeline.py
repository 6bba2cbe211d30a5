"""The metrics of the whole deployment: what each is called, and how it follows from an overview."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cadenza.insight.overview import BatchState, PipelineOverview, Rollup
from cadenza.model import SHARDS, Channel, EnrollmentStatus
from monitoring.declaration import Declaration, Kind

LabelValues = tuple[str, ...]
Sample = tuple[LabelValues, float]

_OPEN_STATUSES = (EnrollmentStatus.ACTIVE, EnrollmentStatus.PAUSED)


@dataclass(frozen=True, kw_only=True)
class Family:
    """One metric of the deployment. samples: pure."""

    declaration: Declaration
    samples: Callable[[PipelineOverview], Iterable[Sample]]


def _of_step(rollup: Rollup, word: str) -> LabelValues:
    return rollup.cadence, rollup.step, rollup.channel, word


def _of_task(rollup: Rollup, word: str) -> LabelValues:
    return rollup.cadence, rollup.step, word


def _of_cadence(rollup: Rollup, word: str) -> LabelValues:
    return rollup.cadence, word


def _of_channel(rollup: Rollup, word: str) -> LabelValues:
    return rollup.channel, word


def _of_nothing(_: Rollup, word: str) -> LabelValues:
    return (word,)


_PLAIN_METRICS = {
    "sent": ("cadenza_touches_total", _of_step),
    "unknown": ("cadenza_touches_total", _of_step),
    "failed": ("cadenza_touches_total", _of_step),
    "skipped": ("cadenza_touches_total", _of_step),
    "enrolled": ("cadenza_enrollment_rows_total", _of_cadence),
    "duplicate": ("cadenza_enrollment_rows_total", _of_cadence),
    "refused": ("cadenza_enrollment_rows_total", _of_cadence),
    "rejected": ("cadenza_enrollment_rows_total", _of_cadence),
}
_DETAILED_METRICS = {
    "deferred": ("cadenza_deferrals_total", _of_channel),
    "overdue": ("cadenza_overdue_touches_total", _of_channel),
    "event": ("cadenza_events_total", _of_step),
    "first": ("cadenza_touch_reactions_total", _of_step),
    "task": ("cadenza_tasks_total", _of_task),
    "finished": ("cadenza_enrollments_finished_total", _of_cadence),
    "signal": ("cadenza_signals_total", _of_nothing),
}


def read_rollup(rollup: Rollup) -> tuple[str, LabelValues] | None:
    """The counter that a rollup row belongs to and its label values; None: not known here."""
    kind, _, detail = rollup.metric.partition(":")
    known = (_DETAILED_METRICS if detail else _PLAIN_METRICS).get(kind)
    if known is None:
        return None
    counter, label_values = known
    return counter, label_values(rollup, detail or kind)


def _counter(name: str, text: str, labels: Sequence[str]) -> Family:
    def samples(overview: PipelineOverview) -> Iterable[Sample]:
        sums: Counter[LabelValues] = Counter()
        for rollup in overview.rollups:
            match read_rollup(rollup):
                case (counter, values) if counter == name:
                    sums[values] += rollup.value
        return sums.items()

    return Family(
        declaration=Declaration(name=name, kind=Kind.COUNTER, help=text, labels=tuple(labels)),
        samples=samples,
    )


def _gauge(
    name: str,
    text: str,
    samples: Callable[[PipelineOverview], Iterable[Sample]],
    labels: Sequence[str] = (),
) -> Family:
    return Family(
        declaration=Declaration(name=name, kind=Kind.GAUGE, help=text, labels=tuple(labels)),
        samples=samples,
    )


def _number(name: str, text: str, value: Callable[[PipelineOverview], float]) -> Family:
    return _gauge(name, text, lambda overview: [((), value(overview))])


# Absent channels and states are exposed as 0, so that alerts on them never miss a series.


def _by_channel(
    value: Callable[[PipelineOverview], Iterable[tuple[Channel, float]]],
) -> Callable[[PipelineOverview], Iterable[Sample]]:
    return lambda overview: [
        ((channel,), amount)
        for channel, amount in (dict.fromkeys(Channel, 0.0) | dict(value(overview))).items()
    ]


def _by_state(
    value: Callable[[PipelineOverview], Iterable[tuple[BatchState, float]]],
) -> Callable[[PipelineOverview], Iterable[Sample]]:
    return lambda overview: [
        ((state,), amount)
        for state, amount in (dict.fromkeys(BatchState, 0.0) | dict(value(overview))).items()
    ]


def _enrollments(overview: PipelineOverview) -> Iterable[Sample]:
    counts = {
        (depth.cadence, status): 0 for depth in overview.enrollments for status in _OPEN_STATUSES
    }
    counts |= {(depth.cadence, depth.status): depth.enrollments for depth in overview.enrollments}
    return counts.items()


def _shards(overview: PipelineOverview) -> Iterable[Sample]:
    leased = overview.shards_leased
    return [(("leased",), leased), (("unleased",), SHARDS - leased)]


def _unread(overview: PipelineOverview) -> int:
    return sum(read_rollup(rollup) is None for rollup in overview.rollups)


FAMILIES: tuple[Family, ...] = (
    _counter(
        "cadenza_touches_total",
        "Touches by how they ended, from the ledger.",
        ["cadence", "step", "channel", "status"],
    ),
    _counter(
        "cadenza_deferrals_total",
        "Times that a due touch was put back, by the reason that held it.",
        ["channel", "reason"],
    ),
    _counter(
        "cadenza_overdue_touches_total",
        "Touches that could not go at their time and came too late, by what became of them.",
        ["channel", "action"],
    ),
    _counter(
        "cadenza_events_total",
        "Events applied: a mail that is opened twice counts twice.",
        ["cadence", "step", "channel", "type"],
    ),
    _counter(
        "cadenza_touch_reactions_total",
        "Touches that got their first event of a type: a mail that is opened twice counts once.",
        ["cadence", "step", "channel", "type"],
    ),
    _counter(
        "cadenza_tasks_total",
        "Tasks done by people, by result.",
        ["cadence", "step", "disposition"],
    ),
    _counter(
        "cadenza_enrollment_rows_total",
        "Rows of enrollment messages, and people whom signals start, by verdict.",
        ["cadence", "verdict"],
    ),
    _counter(
        "cadenza_signals_total",
        "Signals from outside by verdict; what is recorded is applied by workers.",
        ["verdict"],
    ),
    _counter(
        "cadenza_enrollments_finished_total",
        "Enrollments that ended, by outcome.",
        ["cadence", "outcome"],
    ),
    _gauge(
        "cadenza_planned_touches",
        "Rows of the plan, due or not.",
        _by_channel(lambda o: ((d.channel, d.planned) for d in o.channels)),
        ["channel"],
    ),
    _gauge(
        "cadenza_due_touches",
        "Touches whose due time has come and that no batch has taken.",
        _by_channel(lambda o: ((d.channel, d.due) for d in o.channels)),
        ["channel"],
    ),
    _gauge(
        "cadenza_due_lag_seconds",
        "For how long the oldest of the due touches is due, in schedule time.",
        _by_channel(lambda o: ((d.channel, d.oldest_due_age_seconds) for d in o.channels)),
        ["channel"],
    ),
    _gauge(
        "cadenza_bucket_batches",
        "Batches between their minute and their commit.",
        _by_state(lambda o: ((b.state, b.batches) for b in o.batches)),
        ["state"],
    ),
    _gauge(
        "cadenza_bucket_touches",
        "Touches in these batches: the depth of the buckets.",
        _by_state(lambda o: ((b.state, b.touches) for b in o.batches)),
        ["state"],
    ),
    _number("cadenza_inbox_events", "Events stored and not applied yet.", lambda o: o.inbox_events),
    _number(
        "cadenza_inbox_oldest_age_seconds",
        "Since when the oldest of these events waits.",
        lambda o: o.inbox_oldest_age_seconds,
    ),
    _number(
        "cadenza_notifications_waiting",
        "Notifications that owners have not got yet.",
        lambda o: o.notifications_waiting,
    ),
    _number("cadenza_open_tasks", "Tasks that wait for a person.", lambda o: o.open_tasks),
    _number(
        "cadenza_unknown_touches",
        "Touches of which nobody knows yet whether they left.",
        lambda o: o.unknown_touches,
    ),
    _gauge(
        "cadenza_enrollments",
        "Enrollments under way.",
        _enrollments,
        ["cadence", "status"],
    ),
    _gauge(
        "cadenza_waiting_touches",
        "Planned touches that a rule made later, by that rule.",
        lambda o: (((w.channel, w.reason), w.touches) for w in o.waiting),
        ["channel", "reason"],
    ),
    _gauge(
        "cadenza_account_up",
        "1 if a sender account may send, 0 if it is paused or retired.",
        lambda o: (((a.account_id, a.channel), not a.rests) for a in o.accounts),
        ["account", "channel"],
    ),
    _gauge(
        "cadenza_account_used_touches",
        "What a sender account sent in its calendar day.",
        lambda o: (((a.account_id, a.channel), a.used_today) for a in o.accounts),
        ["account", "channel"],
    ),
    _gauge(
        "cadenza_account_cap_touches",
        "What a sender account may send in a calendar day.",
        lambda o: (((a.account_id, a.channel), a.cap_per_day) for a in o.accounts),
        ["account", "channel"],
    ),
    _gauge("cadenza_shards", "Shards with and without a scheduler.", _shards, ["state"]),
    _gauge(
        "cadenza_suppressions",
        "Addresses, domains and people that must not be touched, at all or by sales cadences.",
        lambda o: ((("everything",), o.suppressions), (("marketing",), o.marketing_suppressions)),
        ["forbids"],
    ),
    _number(
        "cadenza_schedule_offset_seconds",
        "Schedule time ahead of wall time; 0 but in a time-lapse.",
        lambda o: o.schedule_offset_seconds,
    ),
    _number(
        "cadenza_fence_closed",
        "1 if the database may be a copy or a restored backup, so that nothing is sent.",
        lambda o: o.fence_closed,
    ),
    _number(
        "cadenza_rollups_unread",
        "Rollup rows that this exporter does not know, written by a newer version.",
        _unread,
    ),
)
