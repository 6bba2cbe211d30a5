"""What a picture says about a step, in the author's own words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cadenza.abc import StepType
from cadenza.language.cadence import Cadence
from cadenza.language.written import Written
from cadenza.steps.task import TaskStep
from cadenza.steps.touch import TouchStep

_LONGEST = 120
_OUTPUT = re.compile(r"\{\{-?\s*(?:\w+\.)?(?P<name>\w+)[^}]*\}\}")
_TAG = re.compile(r"\{%.*?%\}", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Told:
    """kind: the icon. title: the step. lines: what it does, when, and what for; none is empty."""

    kind: str
    title: str
    lines: Sequence[str]


def tell(step: StepType, cadence: Cadence, written: Written) -> Told:
    """What stands in the box of a step."""
    said = written.steps.get(cadence.written_as.get(step.step_id, step.step_id))
    keys: Mapping[str, Node] = said.keys if said else {}
    lines = [_does(step, keys), _intent(step, cadence)]
    return Told(
        kind=kind_of(step),
        title=step.step_id,
        lines=[line[:_LONGEST] for line in lines if line],
    )


def kind_of(step: StepType) -> str:
    """By which icon a step is known: its channel, the kind of its task, or what it is."""
    return step.kind if isinstance(step, TaskStep) else step.name


def sentence(node: Node | None) -> str:
    """A condition as it is written: one sentence, or several joined by `and`."""
    if isinstance(node, SequenceNode):
        return " and ".join(sentence(item) for item in node.value)
    return _text(node)


def _does(step: StepType, keys: Mapping[str, Node]) -> str:
    about = keys.get(step.name)
    match step.name:
        case "wait":
            what = _wait(about)
        case "repeat":
            what = _repeat(keys)
        case "task":
            what = _first_language(keys.get("title")) or _text(about).replace("_", " ")
        case "social":
            what = _text(about)
        case "parallel":
            what = f"until {_text(keys.get('join')) or 'all'} lanes are done"
        case "branch":
            what = ""
        case "move_to":
            what = f"to {_text(about)}"
        case "sms":
            what = _first_language(about)
        case _:
            what = _text(about)
    when = _when(step, keys)
    party = f"to {step.to}" if isinstance(step, TouchStep | TaskStep) and step.to else ""
    person = f"for {step.assignee}" if isinstance(step, TaskStep) and step.assignee else ""
    parts = (when, what, party, person)
    return " · ".join(part for part in parts if part and part != step.step_id)


def _when(step: StepType, keys: Mapping[str, Node]) -> str:
    timing = getattr(step, "timing", None)
    if timing is None:
        return ""
    if timing.day is not None:
        return f"day {timing.day}"
    return f"after {_text(keys['after'])}" if "after" in keys else ""


def _wait(about: Node | None) -> str:
    if not isinstance(about, MappingNode):
        return _text(about)
    said = {str(key.value): value for key, value in about.value}
    if "until" in said:
        before = f"{_text(said['before'])} before " if "before" in said else ""
        return f"until {before}{_text(said['until'])}"
    most = f", at most {_text(said['at_most'])}" if "at_most" in said else ""
    return f"for {sentence(said.get('for'))}{most}"


def _repeat(keys: Mapping[str, Node]) -> str:
    parts = [f"every {_text(keys.get('every'))}"]
    if "until" in keys:
        parts.append(f"until {sentence(keys['until'])}")
    if "at_most" in keys:
        parts.append(f"at most {_text(keys['at_most'])} times")
    return ", ".join(parts)


def _intent(step: StepType, cadence: Cadence) -> str:
    intent = cadence.intents.get(step.step_id)
    if intent is None:
        return ""
    parts = [
        intent.purpose or "",
        f"→ {intent.cta}" if intent.cta and intent.cta != "none" else "",
        f"({intent.lever})" if intent.lever else "",
    ]
    return " ".join(part for part in parts if part).replace("_", " ")


def _first_language(about: Node | None) -> str:
    if isinstance(about, MappingNode) and about.value:
        return _text(about.value[0][1])
    return _text(about)


def _text(node: Node | None) -> str:
    if not isinstance(node, ScalarNode):
        return ""
    said = _TAG.sub("", _OUTPUT.sub(lambda output: f"[{output['name']}]", str(node.value)))
    return " ".join(said.split())
