"""What docs/cadence-language.md shows works as it says, and it leaves nothing out."""

import base64
import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cadenza.calendars import Days
from cadenza.errors import CadenceError
from cadenza.language.exits import EXIT_EVENTS, OBJECTIVES
from cadenza.language.intents import CTA_SIZES, INTENT_KEYS, LEVERS, PURPOSES
from cadenza.language.loader import compile_cadence
from cadenza.language.requiring import JUDGED
from cadenza.language.steps import step_types
from cadenza.language.when import EVENTS, condition_types, parse_when
from cadenza.model import Channel, Outcome
from cadenza.steps.email import EmailStep
from cadenza.steps.social import LONGEST
from cadenza.steps.task import DISPOSITIONS
from tests.cadenza.planner.courses import MAIL, Walk

PAGE = (Path(__file__).parents[3] / "docs" / "cadence-language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
CADENCES = [text for kind, text in BLOCKS if kind == "yaml"]
TEMPLATES = [text for kind, text in BLOCKS if kind == "liquid"]
[TABLE] = [text for kind, text in BLOCKS if kind == "csv"]

# Each course on the page is that of the last cadence above it.
COURSES = [
    (next(above for kind, above in reversed(BLOCKS[:number]) if kind == "yaml"), course)
    for number, (kind, course) in enumerate(BLOCKS)
    if kind == "course"
]

FOLLOW_UP = "---\n---\nA follow-up.\n"
FILES = {
    "templates/intro.liquid": MAIL,
    "templates/other.liquid": MAIL,
    "templates/chaser.liquid": MAIL,
    "templates/reminder.liquid": FOLLOW_UP,
    "templates/last.liquid": FOLLOW_UP,
    "templates/partials/sign-off.liquid": "See you,\n{{ owner.name }}\n",
    "segments/regions.csv": TABLE,
    "attachments/guide.pdf": base64.b64encode(b"%PDF").decode(),
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


PARIS = ZoneInfo("Europe/Paris")
LATE = time(18, 0)
LINE = re.compile(r"(?P<day>\w{3} \d+ \w+) +(?P<kind>[→←■]) (?P<what>.+)")


@pytest.mark.parametrize(("example", "course"), COURSES)
def test_course_goes_as_the_page_says(example: str, course: str) -> None:
    walk = Walk(compile_cadence({"example.yaml": completed(example), **FILES}))
    for line in course.splitlines():
        said = LINE.fullmatch(line)
        assert said is not None, line
        day = datetime.strptime(f"{said['day']} 2026", "%a %d %B %Y").replace(tzinfo=UTC).date()
        evening = datetime.combine(day, LATE, PARIS).astimezone(UTC)
        match said["kind"]:
            case "→":
                let_time_pass(walk)
                assert walk.plan is not None, line
                assert walk.plan.due_at.astimezone(PARIS).date() == day, line
                walk.act(said["what"])
            case "←":
                let_time_pass(walk, until=evening)
                hear(walk, said["what"], evening)
            case _:
                let_time_pass(walk)
                assert walk.finished, line
                assert walk.state.outcome == said["what"]
                assert walk.now.astimezone(PARIS).date() == day, line


def let_time_pass(walk: Walk, until: datetime | None = None) -> None:
    """Let timers run out up to the next touch or task, or up to a moment."""
    while (plan := walk.plan) is not None:
        if plan.channel is not Channel.TIMER or (until is not None and plan.due_at > until):
            return
        walk.act()


def hear(walk: Walk, sentence: str, at: datetime) -> None:
    event, _, disposition = sentence.partition(": ")
    phrase, _, step = event.partition(" ")
    data = {"disposition": disposition} if disposition else {}
    walk.hear(EVENTS.get(phrase, phrase), step or None, at=at + timedelta(seconds=1), **data)


def test_page_walks_through_most_kinds_of_step() -> None:
    walked = "".join(example for example, _ in COURSES)
    kinds = {name for name in step_types() if f"\n    {name}:" in walked}
    assert kinds >= {"email", "sms", "task", "wait", "branch", "repeat", "parallel", "end"}


def test_mistakes_on_the_page_are_told_as_it_says() -> None:
    [told] = [text for kind, text in BLOCKS if kind == "text"]
    with pytest.raises(CadenceError) as error:
        compile_cadence({"autumn.yaml": CADENCES[-1], **FILES})
    assert f"{error.value}\n" == told


@pytest.mark.parametrize("example", TEMPLATES)
def test_template_on_the_page_compiles(example: str) -> None:
    steps = "steps:\n- step: one\n  email: example\n- step: done\n  end: won\n"
    ending = ".html.liquid" if "<html>" in example else ".liquid"
    files = {"example.yaml": completed(steps), f"templates/example{ending}": example, **FILES}
    step = compile_cadence(files).steps["one"]
    assert isinstance(step, EmailStep)
    variables = {
        "prospect": {"first_name": "Zoë", "title": "COO"},
        "owner": {"name": "Maya"},
        "organisation": {"name": "Larkspur", "postal_address": "Kaai 4"},
        "unsubscribe_url": "https://u.example",
    }
    shown = step.render(variables)
    assert "{" not in shown.subject + shown.text


def table_under(heading: str) -> list[str]:
    """All that stands as code in the first column of a table."""
    table = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    return [code for cell in cells for code in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("condition", table_under("condition"))
def test_condition_on_the_page_is_one(condition: str) -> None:
    parse_when(condition, Days.BUSINESS)


def test_page_shows_every_kind_of_condition() -> None:
    shown = {type(parse_when(text, Days.BUSINESS)) for text in table_under("condition")}
    assert shown >= {kind for kind in condition_types() if kind.examples}


@pytest.mark.parametrize("requirement", table_under("requirement"))
def test_requirement_on_the_page_is_one(requirement: str) -> None:
    steps = "steps:\n- step: check\n  task: approval\n  wait: none\n- step: done\n  end: won\n"
    example = f'require: {{lost: ["{requirement}"]}}\n{steps}'
    assert compile_cadence({"example.yaml": completed(example)}).requires["lost"]


@pytest.mark.parametrize(
    "overdue",
    [
        code
        for row in re.findall(r"^\| `(?:send within|skip).*?\|", PAGE, re.MULTILINE)
        for code in re.findall(r"`([^`]+)`", row)
    ],
)
def test_way_to_be_late_on_the_page_is_one(overdue: str) -> None:
    steps = f"steps:\n- step: one\n  sms: Hi\n  overdue: {overdue}\n- step: done\n  end: won\n"
    assert "one" in compile_cadence({"example.yaml": completed(steps)}).overdue


HEAD = (
    "cadence", "title", "objective", "class", "locale", "days", "window", "from", "exit",
    "signals", "statuses", "require", "values", "experiments", "segments", "enroll", "overdue",
    "steps",
)  # fmt: skip
IN_THE_HEAD = (
    "do", "outcome", "colleagues", "heard", "start", "from", "crm", "field", "by", "identity",
    "again", "exclusive", "cooldown", "per_day", "active", "when_full", "date", "refuse", "never",
    "always", "holidays: open",
)  # fmt: skip
IN_STEPS = ("until", "for", "at_most", "before", "missing", "otherwise", "every", "go", "step")


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
        *HEAD,
        *IN_THE_HEAD,
        *IN_STEPS,
        *INTENT_KEYS,
        *PURPOSES,
        *CTA_SIZES,
        *LEVERS,
        *LONGEST,
        *JUDGED,
    }
    missing = {word for word in words if not re.search(rf"`{re.escape(word)}[`:]", PAGE)}
    assert missing == set()


def test_page_says_how_much_each_purpose_bears() -> None:
    [said] = [line for line in PAGE.splitlines() if line.startswith("A touch should not ask")]
    shown: dict[str, str] = {}
    for part in said.partition(":")[2].split(";"):
        *purposes, most = re.findall(r"`([^`]+)`", part)
        shown |= dict.fromkeys(purposes, most)
    assert shown == PURPOSES


def test_keys_of_the_head_are_those_of_the_page() -> None:
    with pytest.raises(CadenceError) as error:
        compile_cadence({"example.yaml": "nonsense: 1\n"})
    [told] = [str(problem) for problem in error.value.problems if "`nonsense`" in str(problem)]
    known = re.findall(r"`(\w+)`", told.split("it knows", 1)[1])
    assert sorted(known) == sorted(HEAD)


def test_page_has_examples_of_each_step() -> None:
    for name in step_types():
        assert any(f"\n    {name}:" in example for example in CADENCES)
