"""Reads the lists of steps, and hands each step to its type."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cadenza.steps
from cadenza.abc import StepType
from cadenza.language.cadence import Intent, Overdue
from cadenza.language.experiments import take_variants
from cadenza.language.fields import Fields
from cadenza.language.graph import Course, check_course
from cadenza.language.header import Header
from cadenza.language.intents import INTENT_KEYS, take_intent
from cadenza.language.known import TOP, Known, Nest
from cadenza.language.overdue import take_overdue
from cadenza.language.source import did_you_mean, listed
from cadenza.language.step_context import ParseContext, StepContext
from cadenza.registry import find_subclasses
from cadenza.steps.branch import BranchStep

MAX_STEPS = 200
MAX_DEPTH = 3
"""How deep lists of steps may stand inside each other, below the cadence's own."""

_STEP_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_RESERVED = frozenset({"new", "reply", "within"})


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The steps in order, with all that `Cadence` says about single steps."""

    steps: Mapping[str, StepType]
    following: Mapping[str, str]
    written_as: Mapping[str, str]
    inside: Mapping[str, str]
    lane_of: Mapping[str, str]
    intents: Mapping[str, Intent]
    overdue: Mapping[str, Overdue]


@lru_cache(maxsize=1)
def step_types() -> Mapping[str, type[StepType]]:
    """The word that marks a step → its type."""
    found = find_subclasses(cadenza.steps, StepType)  # type: ignore[type-abstract]
    return {step_type.name: step_type for step_type in found}


@dataclass(kw_only=True)
class _Entry:
    """One step. step: None when it was reported. go: named; None: the next of its list."""

    fields: Fields
    step_id: str
    nest: Nest
    written_as: str | None
    go: str | None = None
    says_go: bool = False
    goes_on: bool = True
    step: StepType | None = None


@dataclass
class _Reader:
    """Reads lists of steps, one inside the other, into entries in the order of the file."""

    context: ParseContext
    entries: list[_Entry] = field(default_factory=list)
    following: dict[str, str] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    overdue: dict[str, Overdue] = field(default_factory=dict)

    def read(self, parent: Fields, key: str, nest: Nest = TOP) -> str | None:
        """Read the list under `key`; the id of its first step, None if there is none."""
        lists = [*parent.mappings(key, "a step")]
        if len(nest.around) > MAX_DEPTH:
            parent.reporter.problem(
                parent.key_place(key),
                f"steps are nested deeper than {MAX_DEPTH} lists here; make a cadence of "
                "its own of this, and go there with `move_to`",
            )
            return None
        if not lists and parent.is_empty_list(key):
            parent.problem(key, f"`{key}` has no steps; write `- step: …` below it")
        groups = [group for fields in lists if (group := self._take_step(fields, nest))]
        if not groups:
            return None
        for group, after in zip(groups, [*groups[1:], None], strict=True):
            self._follow(group, after[0].step_id if after else None, nest)
        return groups[0][0].step_id

    def _follow(self, group: Sequence[_Entry], after: str | None, nest: Nest) -> None:
        for entry in group:
            if not entry.goes_on:
                continue
            if entry.says_go:
                if entry.go is not None:
                    self.following[entry.step_id] = entry.go
            elif after is not None:
                self.following[entry.step_id] = after
            elif nest.around and nest.around[-1] != nest.parallel:
                self.following[entry.step_id] = nest.around[-1]
            elif not nest.around:
                entry.fields.reporter.problem(
                    entry.fields.place,
                    f"the cadence breaks off after `{entry.written_as or entry.step_id}`; "
                    "add a last step such as `end: no_response`, or `go: <step>`",
                    rule="breaks-off",
                )

    def _take_step(self, fields: Fields, nest: Nest) -> Sequence[_Entry]:
        """The entry of one step, or of its chooser and all its variants; none if it is nameless."""
        fields.missing("step", "a step has a name; begin it with `- step: intro`")
        step_id = fields.name("step", _STEP_ID, "write small letters, digits, `-` and `_`")
        if step_id in _RESERVED:
            fields.problem("step", f"`{step_id}` means something else; choose another name")
        if "variants" not in fields:
            entry = self._take_entry(fields, step_id, nest, None)
            return [entry] if entry else []
        variants = take_variants(fields, self.context, step_types())
        if step_id is None:
            return []
        chooser = _Entry(fields=fields, step_id=step_id, nest=nest, written_as=None, goes_on=False)
        self.entries.append(chooser)
        if variants is None:
            return [chooser]
        forms = [
            self._take_entry(form, f"{step_id}.{name}", nest, step_id)
            for name, form in variants.forms.items()
        ]
        whole = [form for form in forms if form is not None]
        if len(whole) == len(forms):
            chooser.step = BranchStep(
                step_id=step_id,
                place=fields.place,
                arms=variants.arms(step_id),
                otherwise=whole[-1].step_id,
            )
        return [chooser, *whole]

    def _take_entry(
        self, fields: Fields, step_id: str | None, nest: Nest, written_as: str | None
    ) -> _Entry | None:
        step_type = _step_type(fields)
        go = fields.text("go") if step_type and step_type.goes_on else None
        if step_id is None or step_type is None:
            return None
        entry = _Entry(fields=fields, step_id=step_id, nest=nest, written_as=written_as)
        self.entries.append(entry)
        context = StepContext(
            step_id=step_id,
            place=fields.place,
            cadence=self.context,
            nest=nest,
            written_as=written_as,
        )
        entry.step = step = step_type.parse(fields, context)
        entry.goes_on = step.continues() if step else step_type.goes_on
        entry.says_go, entry.go = go is not None, context.go(go) if go else None
        self._take_marks(fields, step_id, step_type)
        fields.done(_keys_of(step_type))
        return entry

    def _take_marks(self, fields: Fields, step_id: str, step_type: type[StepType]) -> None:
        if step_type.keys.issuperset(INTENT_KEYS):
            intent = take_intent(fields, self.context.vocabulary.values)
            if intent is not None:
                self.intents[step_id] = intent
        if "overdue" in step_type.keys:
            overdue = take_overdue(fields, self.context.days)
            if overdue is not None:
                self.overdue[step_id] = overdue


def take_steps(cadence: Fields, header: Header, files: Mapping[str, str]) -> Steps | None:
    """Read `steps`; None after reporting what is wrong with them."""
    cadence.missing("steps", "a cadence has steps; write `steps:` and below it `- step: …`")
    context = ParseContext(
        cadence=header.name,
        days=header.days,
        service=header.service,
        files=files,
        reporter=cadence.reporter,
        locale=header.locale,
        vocabulary=header.vocabulary(),
    )
    reader = _Reader(context)
    context.read_steps = reader.read
    reader.read(cadence, "steps")
    entries = reader.entries
    if not entries or not _ids_differ(entries):
        return None
    if len(entries) > MAX_STEPS:
        cadence.problem("steps", f"a cadence has at most {MAX_STEPS} steps, variants among them")
        return None
    known = Known(
        steps={entry.step_id: entry.step for entry in entries},
        nests={entry.step_id: entry.nest for entry in entries},
        written_as={e.step_id: e.written_as for e in entries if e.written_as},
        vocabulary=context.vocabulary,
    )
    for check in (*context.checks, *header.checks):
        check(known)
    if cadence.reporter.problems:
        return None
    steps = {entry.step_id: entry.step for entry in entries if entry.step is not None}
    course = Course(
        steps=steps,
        following=reader.following,
        nests=known.nests,
        written_as=known.written_as,
        also_begin=header.begin_at(),
    )
    check_course(course, cadence.reporter)
    return Steps(
        steps=steps,
        following=reader.following,
        written_as=known.written_as,
        inside={e.step_id: e.nest.around[-1] for e in entries if e.nest.around},
        lane_of={e.step_id: e.nest.lane for e in entries if e.nest.lane},
        intents=reader.intents,
        overdue=reader.overdue,
    )


def _keys_of(step_type: type[StepType]) -> set[str]:
    return {"step", step_type.name, *step_type.keys, *(["go"] if step_type.goes_on else [])}


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


def _ids_differ(entries: Sequence[_Entry]) -> bool:
    seen: set[str] = set()
    for entry in entries:
        if entry.step_id in seen:
            entry.fields.problem(
                "step", f"there are two steps `{entry.step_id}`; give each its own name"
            )
        seen.add(entry.step_id)
    return len(seen) == len(entries)
