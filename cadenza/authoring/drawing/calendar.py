"""A cadence by the days on which its touches and tasks stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadenza.abc import StepType
from cadenza.authoring.drawing.words import kind_of, sentence
from cadenza.authoring.ways import Way, ways_through
from cadenza.language.cadence import Cadence
from cadenza.language.conditions import VariantIs
from cadenza.language.written import Written
from cadenza.steps.branch import BranchStep
from cadenza.steps.end import EndStep
from cadenza.steps.task import TaskStep
from cadenza.steps.touch import TouchStep


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something on one day. when: what has to be so; empty: nothing, if nobody reacts.

    day: of the cadence, from 1. note: what it is for. outcome: of an end.
    """

    day: int
    step: str
    kind: str
    note: str
    when: str = ""
    outcome: str | None = None


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """days_in_week: 5 business days, or 7. entries: by day, in order of the day."""

    title: str
    days_in_week: int
    entries: Mapping[int, Sequence[Entry]]


def calendar_of(cadence: Cadence, written: Written) -> Calendar:
    """The calendar of a cadence: the way on which nobody reacts, and what else may come.

    What stands on other ways alone is there with its condition, on the
    first day on which it can come.
    """
    ways = ways_through(cadence)
    found: dict[tuple[str, int], Entry] = {}
    main = _main(ways)
    for way in [main, *(way for way in ways if way is not main)] if main else []:
        for number, stop in enumerate(way.stops):
            step = cadence.steps[stop.step]
            if not _is_shown(step) or (way is not main and stop.visit > 1):
                continue
            key = (stop.step, stop.visit)
            before = found.get(key)
            if before is not None and (way is main or not before.when or before.day <= stop.day):
                continue
            when = "" if way is main else _reason(way, number, main, cadence, written)
            found[key] = _entry(step, stop.day, when, cadence)
    entries: dict[int, list[Entry]] = {}
    order = {step_id: n for n, step_id in enumerate(cadence.steps)}
    for entry in sorted(found.values(), key=lambda e: (e.day, bool(e.when), order[e.step])):
        entries.setdefault(entry.day, []).append(entry)
    return Calendar(
        title=cadence.title,
        days_in_week=cadence.days.in_week(),
        entries=dict(sorted(entries.items())),
    )


def _main(ways: Sequence[Way]) -> Way | None:
    """Of the ways without a reaction the one with the most stops; the first of these."""
    quiet = [way for way in ways if way.quiet] or list(ways)
    return max(quiet, key=lambda way: len(way.stops), default=None)


def _is_shown(step: StepType) -> bool:
    return isinstance(step, TouchStep | TaskStep | EndStep) or step.name == "move_to"


def _entry(step: StepType, day: int, when: str, cadence: Cadence) -> Entry:
    intent = cadence.intents.get(step.step_id)
    note = (intent.purpose or "").replace("_", " ") if intent else ""
    outcome = None
    if isinstance(step, EndStep):
        outcome = str(step.outcome)
    elif step.name == "move_to":
        outcome = "moved"
        note = f"to {getattr(step, 'cadence', '')}"
    return Entry(
        day=day, step=step.step_id, kind=kind_of(step), note=note, when=when, outcome=outcome
    )


def _reason(way: Way, number: int, main: Way | None, cadence: Cadence, written: Written) -> str:
    """By which decision, other than those of the main way, a stop is reached."""
    for stop in reversed(way.stops[:number]):
        step = cadence.steps[stop.step]
        if not isinstance(step, BranchStep):
            continue
        gone = way.forks.get(stop.step)
        if main is None or main.forks.get(stop.step) != gone:
            return _why(step, gone, cadence, written)
    return "else"


def _why(step: BranchStep, gone: str | None, cadence: Cadence, written: Written) -> str:
    for number, arm in enumerate(step.arms):
        if arm.go == gone and not isinstance(arm.when, VariantIs):
            return sentence(written.node(step.step_id, "branch", str(number), "when"))
    if gone is not None and cadence.written_as.get(gone) == step.step_id:
        return f"variant {gone.rpartition('.')[2]}"
    return f"else at {step.step_id}"
