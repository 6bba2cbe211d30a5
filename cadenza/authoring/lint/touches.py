"""Which steps reach the prospect, and on which days."""

from collections.abc import Iterator, Sequence

from cadenza.abc import StepType
from cadenza.authoring.lint.rule import Case
from cadenza.authoring.ways import Stop, Way
from cadenza.model import SENDING_CHANNELS, Channel
from cadenza.steps.task import TaskStep
from cadenza.steps.touch import TouchStep

_TASKS_THAT_REACH = ("call", "direct_mail", "social")
_TO_PEOPLE = frozenset(SENDING_CHANNELS) - {"webhook"}


def medium(step: StepType) -> str | None:
    """By what a step reaches somebody: a channel, or the kind of a task; None: it does not."""
    if isinstance(step, TouchStep):
        return str(step.channel) if step.channel in _TO_PEOPLE else None
    if isinstance(step, TaskStep) and step.kind in _TASKS_THAT_REACH:
        return step.kind
    return None


def reaches_prospect(step: StepType) -> bool:
    """Whether a step is a touch of the prospect, not of another party."""
    return medium(step) is not None and getattr(step, "to", None) is None


def is_message(step: StepType) -> bool:
    """Whether what reaches the prospect stays with them: no call, which nobody may answer."""
    return reaches_prospect(step) and medium(step) != "call"


def touches(case: Case) -> Sequence[StepType]:
    """The touches of the prospect, in the order of the file, each variant for itself."""
    return [step for step in case.cadence.steps.values() if reaches_prospect(step)]


def quiet_ways(case: Case) -> Iterator[tuple[Way, Sequence[Stop]]]:
    """The ways on which the prospect does nothing, each with its touches in order."""
    for way in case.ways:
        if way.quiet:
            steps = case.cadence.steps
            yield way, [stop for stop in way.stops if reaches_prospect(steps[stop.step])]


def uses_channel(case: Case, channel: Channel) -> bool:
    """Whether any touch goes out on `channel`."""
    return any(getattr(step, "channel", None) == channel for step in case.cadence.steps.values())
