"""Reads the list of steps, and hands each to its type."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import cadenza.steps
from cadenza.abc import StepType
from cadenza.language.fields import Fields
from cadenza.language.graph import check_course
from cadenza.language.header import Header
from cadenza.language.source import did_you_mean, listed
from cadenza.language.step_context import ParseContext, StepContext
from cadenza.registry import find_subclasses

MAX_STEPS = 200

_STEP_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_RESERVED = frozenset({"new", "reply", "within"})


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The steps in order, and which one follows each that does not say so itself."""

    steps: Mapping[str, StepType]
    following: Mapping[str, str]


@lru_cache(maxsize=1)
def step_types() -> Mapping[str, type[StepType]]:
    """The word that marks a step → its type."""
    found = find_subclasses(cadenza.steps, StepType)  # type: ignore[type-abstract]
    return {step_type.name: step_type for step_type in found}


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One step of the file. step: None when it was reported."""

    fields: Fields
    step_id: str
    go: str | None
    goes_on: bool
    step: StepType | None


def take_steps(cadence: Fields, header: Header, files: Mapping[str, str]) -> Steps | None:
    """Read `steps`; None after reporting what is wrong with them."""
    cadence.missing("steps", "a cadence has steps; write `steps:` and below it `- step: …`")
    context = ParseContext(
        cadence=header.name,
        days=header.days,
        service=header.service,
        files=files,
        reporter=cadence.reporter,
    )
    found = cadence.mappings("steps", "a step")
    entries = [entry for fields in found if (entry := _take_entry(fields, context))]
    if not entries or not _ids_differ(entries):
        return None
    if len(entries) > MAX_STEPS:
        cadence.problem("steps", f"a cadence has at most {MAX_STEPS} steps")
        return None
    following = _following(entries)
    steps = {entry.step_id: entry.step for entry in entries if entry.step is not None}
    every_id = {entry.step_id: entry.step for entry in entries}
    for check in context.checks:
        check(every_id)
    if cadence.reporter.problems:
        return None
    check_course(steps, following, cadence.reporter)
    return Steps(steps=steps, following=following)


def _take_entry(fields: Fields, context: ParseContext) -> _Entry | None:
    fields.missing("step", "a step has a name; begin it with `- step: intro`")
    step_id = fields.name("step", _STEP_ID, "write small letters, digits, `-` and `_`")
    if step_id in _RESERVED:
        fields.problem("step", f"`{step_id}` means something else; choose another name")
    step_type = _step_type(fields)
    go = fields.text("go") if step_type and step_type.goes_on else None
    if step_id is None or step_type is None:
        return None
    step = step_type.parse(
        fields, StepContext(step_id=step_id, place=fields.place, cadence=context)
    )
    fields.done({"step", step_type.name, *step_type.keys, *(["go"] if step_type.goes_on else [])})
    return _Entry(
        fields=fields,
        step_id=step_id,
        go=context.cite(go) if go else None,
        goes_on=step_type.goes_on,
        step=step,
    )


def _step_type(fields: Fields) -> type[StepType] | None:
    types = step_types()
    marks = [key for key in fields.keys() if key in types]  # noqa: SIM118 - fields, no mapping
    # `wait` marks a step of its own, and is a key of tasks.
    marks = [mark for mark in marks if not any(mark in types[other].keys for other in marks)]
    if len(marks) == 1:
        return types[marks[0]]
    if marks:
        fields.reporter.problem(
            fields.key_place(marks[1]),
            f"a step does one thing, not {listed(marks).replace(' or ', ' and ')}; make two of it",
        )
        return None
    guess = next((found for key in fields.keys() if (found := did_you_mean(key, types))), "")  # noqa: SIM118
    fields.reporter.problem(
        fields.place, f"this step does nothing{guess}; give it one of {listed(types)}"
    )
    return None


def _ids_differ(entries: list[_Entry]) -> bool:
    seen: set[str] = set()
    for entry in entries:
        if entry.step_id in seen:
            entry.fields.problem(
                "step", f"there are two steps `{entry.step_id}`; give each its own name"
            )
        seen.add(entry.step_id)
    return len(seen) == len(entries)


def _following(entries: list[_Entry]) -> dict[str, str]:
    following = {}
    for entry, after in zip(entries, [*entries[1:], None], strict=True):
        if not entry.goes_on:
            continue
        if entry.go is not None:
            following[entry.step_id] = entry.go
        elif after is not None:
            following[entry.step_id] = after.step_id
        else:
            entry.fields.reporter.problem(
                entry.fields.place,
                f"the cadence breaks off after `{entry.step_id}`; "
                "add a last step such as `end: no_response`, or `go: <step>`",
            )
    return following
