"""What docs/cadence-language.md shows works as it says, and it leaves nothing out."""

import re
from pathlib import Path

import pytest

from cadenza.calendar import Days
from cadenza.errors import CadenceError
from cadenza.language.email_template import compile_email
from cadenza.language.exits import EXIT_EVENTS, OBJECTIVES
from cadenza.language.loader import compile_cadence
from cadenza.language.source import Reporter
from cadenza.language.steps import step_types
from cadenza.language.when import EVENTS, parse_when
from cadenza.model import Outcome
from cadenza.steps.task import DISPOSITIONS
from tests.cadenza.courses import MAIL

PAGE = (Path(__file__).parents[2] / "docs" / "cadence-language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
CADENCES = [text for kind, text in BLOCKS if kind == "yaml"]
TEMPLATES = [text for kind, text in BLOCKS if kind == "liquid"]

FOLLOW_UP = "---\n---\nA follow-up.\n"
FILES = {
    "templates/intro.liquid": MAIL,
    "templates/other.liquid": MAIL,
    "templates/reminder.liquid": FOLLOW_UP,
    "templates/last.liquid": FOLLOW_UP,
}


def completed(example: str) -> str:
    """A whole cadence around an example that shows a part of one."""
    before = "" if example.startswith("cadence:") else "cadence: example\n"
    if "objective:" not in example:
        before += "objective: goal\n"
    after = "" if "steps:" in example else "\nsteps:\n- step: done\n  end: won\n"
    return before + example + after


@pytest.mark.parametrize("example", CADENCES[:-1])
def test_cadence_on_the_page_compiles(example: str) -> None:
    compile_cadence({"example.yaml": completed(example), **FILES})


def test_mistakes_on_the_page_are_told_as_it_says() -> None:
    [told] = [text for kind, text in BLOCKS if kind == "text"]
    with pytest.raises(CadenceError) as error:
        compile_cadence({"autumn.yaml": CADENCES[-1], **FILES})
    assert f"{error.value}\n" == told


@pytest.mark.parametrize("example", TEMPLATES)
def test_template_on_the_page_compiles(example: str) -> None:
    reporter = Reporter()
    file = "example.html.liquid" if "<html>" in example else "example.liquid"
    template = compile_email(file, example, service=False, reporter=reporter)
    assert reporter.problems == ()
    assert template is not None
    variables = {
        "prospect": {"first_name": "Zoë", "title": "COO"},
        "owner": {"name": "Maya"},
        "organisation": {"name": "Larkspur", "postal_address": "Kaai 4"},
        "unsubscribe_url": "https://u.example",
    }
    assert template.subject is not None
    shown = template.render(variables, subject=template.subject, prefix="")
    assert "{" not in shown.subject + shown.text


def conditions() -> list[str]:
    table = PAGE.split("| condition |", 1)[1].split("\n\n", 1)[0]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    return [code for cell in cells for code in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("condition", conditions())
def test_condition_on_the_page_is_one(condition: str) -> None:
    parse_when(condition, Days.BUSINESS)


def test_page_names_every_word_of_the_language() -> None:
    types = step_types()
    words = {
        *types,
        *(key for step_type in types.values() for key in step_type.keys),
        *EXIT_EVENTS,
        *OBJECTIVES,
        *Outcome,
        *Days,
        *DISPOSITIONS,
        *(word for words in DISPOSITIONS.values() for word in words),
        *EVENTS,
    }
    missing = {word for word in words if not re.search(rf"`{re.escape(word)}[`:]", PAGE)}
    assert missing == set()


def test_page_has_examples_of_each_step() -> None:
    for name in step_types():
        assert any(f"\n    {name}:" in example for example in CADENCES)
