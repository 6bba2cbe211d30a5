"""What a cadence achieves: by step, by what its touches are for, and by variant.

All of it comes from the monotone counters and from where enrollments stand,
over all versions of the cadence. A rate is the share of sent touches that
got at least one such event.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from cadenza.catalog import Catalog
from cadenza.language.cadence import Cadence, Intent
from cadenza.model import EventType, Outcome
from cadenza.storage import cadence_report
from cadenza.storage.cadence_report import VariantEnd
from cadenza.storage.database import Connection

ASPECTS = tuple(field.name for field in fields(Intent))
"""What touches are compared by: purpose, cta, lever, value."""

_EVENTS = (
    EventType.OPENED,
    EventType.CLICKED,
    EventType.REPLIED,
    EventType.BOUNCED,
    EventType.UNSUBSCRIBED,
    EventType.CONNECTION_ACCEPTED,
)
_Z_95 = 1.959964  # the normal distribution's quantile for 95 %, two-sided


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of some touches. meetings: also those that reps booked in tasks."""

    sent: int = 0
    opened: int = 0
    clicked: int = 0
    replied: int = 0
    bounced: int = 0
    unsubscribed: int = 0
    connection_accepted: int = 0
    tasks_done: int = 0
    meetings: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})

    @property
    def reply_rate(self) -> float | None:
        """Replies per sent touch; None if nothing was sent."""
        return self.replied / self.sent if self.sent else None


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """One step: what it is for, and what became of it."""

    step: str
    kind: str
    intent: Intent | None
    counts: Counts


@dataclass(frozen=True, kw_only=True)
class VariantReport:
    """One variant of an experiment.

    won: enrollments that reached the objective, of `ended`. low, high: the
    95 % interval of that rate (Wilson score); None before any has ended.
    """

    experiment: str
    variant: str
    enrollments: int
    ended: int
    won: int
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class CadenceReport:
    """The whole report. aspects: purpose, cta, lever, value → each of its words → counts."""

    cadence: str
    title: str
    version: int
    steps: Sequence[StepReport]
    aspects: Mapping[str, Mapping[str, Counts]]
    variants: Sequence[VariantReport]


async def report(db: Connection, catalog: Catalog, name: str) -> CadenceReport:
    """Read it. Intents are those of the newest version. Raises UnknownName."""
    version = await catalog.newest(db, name)
    cadence = catalog[version.version_id]
    steps = _steps(cadence, await cadence_report.step_counts(db, name))
    return CadenceReport(
        cadence=name,
        title=cadence.title,
        version=version.version,
        steps=steps,
        aspects=_aspects(steps),
        variants=_variants(await cadence_report.variant_ends(db, name)),
    )


def _steps(cadence: Cadence, counted: Mapping[tuple[str, str], int]) -> Sequence[StepReport]:
    by_step: dict[str, dict[str, int]] = defaultdict(dict)
    for (step, metric), count in counted.items():
        by_step[step][metric] = count
    # Steps of older versions come last: what they sent was sent.
    gone = sorted(step for step in by_step if step and step not in cadence.steps)
    found = []
    for step in [*cadence.steps, *gone]:
        counts = _counts(by_step.get(step, {}))
        if counts == Counts() and not _is_touch(cadence, step):
            continue
        kind = cadence.steps[step].name if step in cadence.steps else ""
        intent = cadence.intents.get(step)
        found.append(StepReport(step=step, kind=kind, intent=intent, counts=counts))
    return found


def _is_touch(cadence: Cadence, step: str) -> bool:
    """Whether it may say what it is for, as everything does that reaches somebody."""
    return step in cadence.steps and "purpose" in cadence.steps[step].keys


def _counts(metrics: Mapping[str, int]) -> Counts:
    firsts = {str(event): metrics.get(f"first:{event}", 0) for event in _EVENTS}
    tasks = sum(count for metric, count in metrics.items() if metric.startswith("task:"))
    meetings = metrics.get(f"first:{EventType.MEETING_BOOKED}", 0)
    return Counts(
        # What is unknown may have arrived, and counts as sent for the course too.
        sent=metrics.get("sent", 0) + metrics.get("unknown", 0),
        tasks_done=tasks,
        meetings=meetings + metrics.get(f"task:{EventType.MEETING_BOOKED}", 0),
        **firsts,
    )


def _aspects(steps: Iterable[StepReport]) -> Mapping[str, Mapping[str, Counts]]:
    aspects: dict[str, dict[str, Counts]] = {aspect: {} for aspect in ASPECTS}
    for step in steps:
        for aspect in ASPECTS if step.intent else ():
            word = getattr(step.intent, aspect)
            if word is not None:
                so_far = aspects[aspect].get(word, Counts())
                aspects[aspect][word] = so_far + step.counts
    return {aspect: words for aspect, words in aspects.items() if words}


def _variants(ends: Iterable[VariantEnd]) -> Sequence[VariantReport]:
    by_variant: dict[tuple[str, str], dict[str | None, int]] = defaultdict(dict)
    for end in ends:
        by_variant[end.experiment, end.variant][end.outcome] = end.enrollments
    found = []
    for (experiment, variant), outcomes in sorted(by_variant.items()):
        everybody = sum(outcomes.values())
        ended = everybody - outcomes.get(None, 0)
        won = outcomes.get(Outcome.WON, 0)
        low, high = wilson(won, ended) if ended else (None, None)
        found.append(
            VariantReport(
                experiment=experiment,
                variant=variant,
                enrollments=everybody,
                ended=ended,
                won=won,
                low=low,
                high=high,
            )
        )
    return found


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a rate, from 0 to 1; trials: at least 1.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and
    Statistical Inference, JASA 22 (1927).
    """
    rate, z = hits / trials, _Z_95
    middle = rate + z * z / (2 * trials)
    spread = z * math.sqrt((rate * (1 - rate) + z * z / (4 * trials)) / trials)
    scale = 1 + z * z / trials
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
