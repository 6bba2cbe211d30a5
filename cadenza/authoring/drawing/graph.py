"""A cadence as boxes and the lines between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cadenza.authoring.drawing.words import Told, sentence, tell
from cadenza.language.cadence import Cadence
from cadenza.language.conditions import VariantIs
from cadenza.language.written import Written
from cadenza.steps.branch import BranchStep
from cadenza.steps.end import EndStep
from cadenza.steps.repeat import RepeatStep
from cadenza.steps.wait import WaitStep

JOIN = ":join"
"""What the box is called at which the lanes of a step come together, after that step."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A box. outcome: of an end, or of a move; None: the cadence goes on."""

    name: str
    told: Told
    outcome: str | None = None


@dataclass(frozen=True, kw_only=True)
class Link:
    """A line. label: when it is gone; empty: always."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """title: of the cadence. nodes: in the order of the file; the first is where it begins."""

    title: str
    nodes: Sequence[Node]
    links: Sequence[Link]


def graph_of(cadence: Cadence, written: Written) -> Graph:
    """The graph of a cadence. written: of the files out of which it was compiled."""
    nodes: list[Node] = []
    links: list[Link] = []
    for step in cadence.steps.values():
        outcome = None
        if isinstance(step, EndStep):
            outcome = str(step.outcome)
        elif step.name == "move_to" and step.step_id not in cadence.following:
            outcome = "moved"
        nodes.append(Node(name=step.step_id, told=tell(step, cadence, written), outcome=outcome))
        if step.lanes():
            all_or_any = getattr(step, "join", "all")
            told = Told(kind="join", title=f"{all_or_any} done", lines=[])
            nodes.append(Node(name=step.step_id + JOIN, told=told))
    for step_id in cadence.steps:
        links += _links(step_id, cadence, written)
    return Graph(title=cadence.title, nodes=nodes, links=list(dict.fromkeys(links)))


def _links(step_id: str, cadence: Cadence, written: Written) -> Iterator[Link]:
    step = cadence.steps[step_id]
    on = cadence.next_step(step_id) or _end_of_lane(step_id, cadence)
    if isinstance(step, BranchStep):
        yield from _of_branch(step, cadence, written)
    elif step.lanes():
        for lane, first in step.lanes().items():
            yield Link(source=step_id, target=first, label=lane)
        if step_id in cadence.following:
            yield Link(source=step_id + JOIN, target=cadence.following[step_id])
    elif isinstance(step, RepeatStep):
        yield Link(source=step_id, target=step.first, label="next round")
        if on is not None:
            yield Link(source=step_id, target=on, label="over")
    else:
        if isinstance(step, WaitStep):
            yield from _timeouts(step)
        if on is not None and _goes_on(step_id, cadence):
            yield Link(source=step_id, target=on)


def _goes_on(step_id: str, cadence: Cadence) -> bool:
    return step_id in cadence.following or cadence.steps[step_id].continues()


def _timeouts(step: WaitStep) -> Iterator[Link]:
    if step.until is not None and step.until.missing is not None:
        yield Link(source=step.step_id, target=step.until.missing, label="no date")
    if step.awaited is not None and step.awaited.otherwise is not None:
        yield Link(source=step.step_id, target=step.awaited.otherwise, label="time is up")


def _of_branch(step: BranchStep, cadence: Cadence, written: Written) -> Iterator[Link]:
    for number, arm in enumerate(step.arms):
        target = arm.go or _end_of_lane(step.step_id, cadence)
        if isinstance(arm.when, VariantIs) and target is not None and "." in target:
            label = target.rpartition(".")[2]
        else:
            label = sentence(written.node(step.step_id, "branch", str(number), "when"))
        if target is not None:
            yield Link(source=step.step_id, target=target, label=label)
    target = step.otherwise or _end_of_lane(step.step_id, cadence)
    if target is not None:
        is_variant = cadence.written_as.get(target) == step.step_id
        label = target.rpartition(".")[2] if is_variant else "else"
        yield Link(source=step.step_id, target=target, label=label)


def _end_of_lane(step_id: str, cadence: Cadence) -> str | None:
    """The join at which the lane of a step ends; None outside of lanes."""
    outer = cadence.inside.get(step_id)
    while outer is not None:
        if cadence.steps[outer].lanes():
            return outer + JOIN
        outer = cadence.inside.get(outer)
    return None
