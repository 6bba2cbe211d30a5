"""What every step type promises, whoever added it."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.abc import Standing, StepType
from cadenza.errors import CadenceError
from cadenza.language.loader import compile_cadence
from cadenza.language.source import Problem
from cadenza.language.steps import step_types
from cadenza.model import Channel, GoTo
from cadenza.planner import start, state_from_json, state_to_json
from tests.cadenza.planner.courses import MONDAY, Walk, cadence, person, sources
from tests.cadenza.planner.test_planner_properties import STEPS

TYPES = list(step_types().values())

EXAMPLES = {
    "email": "email: mail",
    "sms": "sms: Hi",
    "social": "social: connect",
    "task": "task: call\n  wait: 1 day",
    "wait": "wait: 1 day",
    "branch": "branch:\n    - when: prospect.country is FR\n      go: done\n    - else: done",
    "end": "end: won",
    "parallel": (
        "parallel:\n"
        "    ours: [{step: ours, task: todo, wait: 1 day}]\n"
        "    theirs: [{step: theirs, sms: Hi}]"
    ),
    "repeat": "repeat: [{step: again, sms: Hi}]\n  every: 1 day\n  at_most: 2",
    "move_to": "move_to: other",
    "status": "status: greeted",
    "webhook": "webhook: lead.reached",
}
HEADER = "statuses: {field: Lead_Status, none: {crm: None}, greeted: {crm: Greeted}}\n"
ENDS = ("end", "move_to")


def example(step_type: type[StepType]) -> str:
    end = "" if step_type.name in ENDS else "- step: done\n  end: no_response\n"
    return f"- step: one\n  {EXAMPLES[step_type.name]}\n{end}"


def test_there_are_the_step_types_of_the_language() -> None:
    assert sorted(step_types()) == sorted(EXAMPLES)


@pytest.mark.parametrize("step_type", TYPES, ids=lambda t: t.name)
def test_step_knows_its_name_and_place(step_type: type[StepType]) -> None:
    step = cadence(example(step_type), header=HEADER).steps["one"]
    assert isinstance(step, step_type)
    assert (step.step_id, step.place.file, step.place.line) == ("one", "trial.yaml", 6)


@pytest.mark.parametrize("step_type", TYPES, ids=lambda t: t.name)
def test_planning_is_a_function_of_the_state(step_type: type[StepType]) -> None:
    course = cadence(example(step_type), header=HEADER)
    state = start(course, person(), MONDAY).state
    standing = Standing(cadence=course, state=state, profile=person(), now=MONDAY)
    again = Standing(
        cadence=cadence(example(step_type), header=HEADER),
        state=state_from_json(state_to_json(state)),
        profile=person(),
        now=MONDAY,
    )
    step_id = state.step
    assert course.steps[step_id].plan(standing) == again.cadence.steps[step_id].plan(again)


@pytest.mark.parametrize("step_type", TYPES, ids=lambda t: t.name)
def test_walk_over_the_step_ends(step_type: type[StepType]) -> None:
    assert Walk(cadence(example(step_type), header=HEADER)).to_the_end().finished


@pytest.mark.parametrize("step_type", TYPES, ids=lambda t: t.name)
@pytest.mark.parametrize("wrong", ["", "[]", "{}", "[{}]", "{a: {b: c}}", "''", "[[x]]", "7"])
def test_wrong_value_is_reported_and_never_raised(step_type: type[StepType], wrong: str) -> None:
    steps = f"- step: one\n  {step_type.name}: {wrong}\n- step: done\n  end: won\n"
    if (step_type.name, wrong) == ("sms", "7"):
        compile_cadence(sources(steps))
        return
    with pytest.raises(CadenceError):
        compile_cadence(sources(steps))


@pytest.mark.parametrize("step_type", TYPES, ids=lambda t: t.name)
def test_wrong_values_of_its_other_keys_are_reported(step_type: type[StepType]) -> None:
    for key in step_type.keys:
        steps = example(step_type).replace("- step: one\n", f"- step: one\n  {key}: {{x: [y]}}\n")
        with pytest.raises(CadenceError):
            compile_cadence(sources(steps))


@pytest.mark.parametrize(
    "step_type", [t for t in TYPES if hasattr(t, "channel")], ids=lambda t: t.name
)
def test_touch_acts_on_a_sending_channel_or_is_skipped(step_type: type[StepType]) -> None:
    course = cadence(example(step_type), header=HEADER)
    unreachable = person(email=None, phone=None, profile=None)
    for profile, reached in ((person(), True), (unreachable, False)):
        state = Walk(course, person()).state
        standing = Standing(cadence=course, state=state, profile=profile, now=MONDAY)
        verdict = course.steps["one"].plan(standing)
        acts = reached or step_type.name == "webhook"  # it reaches no person
        assert (not isinstance(verdict, GoTo)) is acts
        assert acts or (isinstance(verdict, GoTo) and verdict.skipped)


def test_channel_of_each_touch_is_its_own() -> None:
    channels: Sequence[Channel] = [t.channel for t in TYPES if hasattr(t, "channel")]
    assert len(channels) == len(set(channels))


FILES = sources(STEPS)


def problems_of(files: dict[str, str]) -> Sequence[Problem]:
    try:
        compile_cadence(files)
    except CadenceError as error:
        return error.problems
    return ()


@given(seed=st.integers(0, 2**32), edits=st.integers(1, 4))
@settings(max_examples=80, deadline=None)
def test_whatever_a_file_holds_it_is_a_cadence_or_has_problems(seed: int, edits: int) -> None:
    draw = random.Random(seed)
    name = draw.choice(sorted(FILES))
    text = list(FILES[name])
    for _ in range(edits):
        at = draw.randrange(len(text))
        text[at : at + draw.choice((0, 1, 1, 7))] = draw.choice(
            ["", "\n", ":", "- ", "{{", "}}", "{% if x %}", "'", "\x00", "[", "  ", "ł", "---\n"]
        )
    places = [problem.place for problem in problems_of({**FILES, name: "".join(text)})]
    assert all(place.file in FILES and place.line >= 1 for place in places)
