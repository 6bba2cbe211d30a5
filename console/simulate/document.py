"""A simulation as one JSON document, which every way of showing it is made from.

docs/tools/simulate.md says what its members mean.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from cadenza.model import SENDING_CHANNELS, Channel
from cadenza.timespec import day_of
from console.simulate.figures import Simulation, Touch

CHANNELS = (*(channel.value for channel in SENDING_CHANNELS), Channel.TASK.value)
"""The columns of the calendar."""

EVENTS = (
    "opened",
    "clicked",
    "connection_accepted",
    "replied",
    "auto_replied",
    "bounced",
    "unsubscribed",
    "task_done",
)
"""What is counted for each step: enrollments to whom it happened there at least once."""

_PERCENTILES = (50, 90, 99)
_MINUTE = timedelta(minutes=1)


def as_document(simulation: Simulation) -> dict[str, Any]:
    """Everything that a run came to; simple JSON types, in a fixed order."""
    tally = simulation.tally
    sent = [touch for touch in tally.touches if touch.status == "sent"]
    ended = not (simulation.active or simulation.paused)
    finish = max((end.at for end in tally.ends), default=None) if ended else None
    return {
        "cadence": simulation.cadence,
        "start": simulation.start.isoformat(),
        "days": simulation.days,
        "seed": simulation.seed,
        "time_zone": simulation.zone,
        "rows": simulation.rows,
        "enrolled": simulation.enrolled,
        "refused": _ordered(simulation.refused),
        "finish": finish.isoformat() if finish else None,
        "active": simulation.active,
        "paused": simulation.paused,
        "waiting": dict(simulation.waiting),
        "touches": {
            "sent": len(sent),
            "failed": len(tally.touches) - len(sent),
            "by_channel": _in_order(Counter(touch.channel for touch in sent), CHANNELS),
        },
        "tasks": len(tally.tasks),
        "calendar": _calendar(simulation, sent),
        "steps": _steps(simulation),
        "ends": _ordered(Counter(end.outcome.value for end in tally.ends)),
        "moved_on": _ordered(tally.moved_on),
        "limits": _limits(simulation),
        "late": _late(tally.touches),
        "resting": [
            {
                "account": rest.account,
                "at": rest.at.isoformat(),
                "reason": rest.reason,
                "bounced": rest.bounced,
                "sent": rest.sent,
            }
            for rest in tally.rests
        ],
        "held": _ordered(tally.held),
    }


def _calendar(simulation: Simulation, sent: Sequence[Touch]) -> Sequence[Mapping[str, Any]]:
    """A line for each day from the first to the last on which something happens."""
    zone = simulation.zone
    counts: Counter[tuple[str, str]] = Counter()
    for day, enrolled in simulation.tally.enrolled.items():
        counts[day.isoformat(), "enrolled"] += enrolled
    for touch in sent:
        counts[day_of(touch.began_at, zone).isoformat(), touch.channel] += 1
    for task in simulation.tally.tasks:
        counts[day_of(task.opened_at, zone).isoformat(), Channel.TASK.value] += 1
    last = max((day for day, _ in counts), default=simulation.start.isoformat())
    days, day = [], simulation.start
    while day.isoformat() <= last:
        name = day.isoformat()
        days.append(
            {
                "day": name,
                "enrolled": counts[name, "enrolled"],
                **{channel: counts[name, channel] for channel in CHANNELS},
            }
        )
        day += timedelta(days=1)
    return days


def _steps(simulation: Simulation) -> Sequence[Mapping[str, Any]]:
    tally = simulation.tally
    sent = Counter(touch.step for touch in tally.touches if touch.status == "sent")
    failed = Counter(touch.step for touch in tally.touches if touch.status == "failed")
    opened = Counter(task.step for task in tally.tasks)
    return [
        {
            "step": step,
            "kind": kind,
            "sent": sent[step],
            "tasks": opened[step],
            "failed": failed[step],
            "skipped": tally.skipped[step],
            **{event: tally.events[step, event] for event in EVENTS},
        }
        for step, kind in simulation.steps
        if sent[step] or failed[step] or opened[step] or tally.skipped[step]
    ]


def _limits(simulation: Simulation) -> Sequence[Mapping[str, Any]]:
    """What put touches off, most often first."""
    deferred = simulation.tally.deferred
    ordered = sorted(deferred.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"account": account, "rule": rule, "deferred": count} for (account, rule), count in ordered
    ]


def _late(touches: Sequence[Touch]) -> Mapping[str, Any]:
    """How much later than planned touches could go, of those that were put off."""
    minutes = sorted(
        (touch.due_at - touch.wished_at) // _MINUTE
        for touch in touches
        if touch.due_at > touch.wished_at
    )
    at = {f"p{share}_minutes": _percentile(minutes, share) for share in _PERCENTILES}
    return {"touches": len(minutes), **at, "most_minutes": minutes[-1] if minutes else 0}


def _percentile(ordered: Sequence[int], share: int) -> int:
    """The smallest value that `share` per cent do not exceed (nearest rank)."""
    return ordered[-(-len(ordered) * share // 100) - 1] if ordered else 0


def _ordered(counts: Mapping[str, int]) -> Mapping[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}


def _in_order(counts: Mapping[str, int], names: Sequence[str]) -> Mapping[str, int]:
    return {name: counts[name] for name in names if counts[name]}
