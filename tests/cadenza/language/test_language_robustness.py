"""Whatever stands in a cadence file is compiled or refused with places; nothing else is raised."""

import re
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.errors import CadenceError
from cadenza.language.loader import compile_cadence
from cadenza.language.source import Place, Problem
from tests.cadenza.language.test_cadence_language_docs import CADENCES, FILES, completed

PAGE = [completed(example) for example in CADENCES[:-1]]
JUNK = ("", "[]", "{}", "[{}]", "{a: {b: c}}", "[[x]]", "''", "7", "yes", "x y", "1 day", "{{ x }}")
NO_PROBLEM = Problem(place=Place(file="trial.yaml", line=0, column=0), message="none was told")
KEY = re.compile(r"(?P<before>.*?[\w-]+:)(?P<value> .+)?")


def tried(text: str) -> None:
    problems: Sequence[Problem] = ()
    try:
        compile_cadence({"trial.yaml": text, **FILES})
    except CadenceError as error:
        problems = error.problems or (NO_PROBLEM,)
    assert all(problem.place.line >= 1 for problem in problems)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_value_may_be_wrong(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(PAGE)).splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        match = KEY.match(lines[number])
        if match:
            lines[number] = f"{match['before']} {data.draw(st.sampled_from(JUNK))}"
    tried("\n".join(lines))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_lines_may_be_missing_twice_or_elsewhere(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(PAGE)).splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    until = data.draw(st.integers(number, min(len(lines), number + 6)))
    block = lines[number:until]
    del lines[number:until]
    if data.draw(st.booleans()):
        other = data.draw(st.integers(0, len(lines)))
        lines[other:other] = block * data.draw(st.integers(1, 2))
    tried("\n".join(lines))
