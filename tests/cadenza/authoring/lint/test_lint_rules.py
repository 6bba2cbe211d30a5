"""A page of deliberately broken cadences, one or more per rule, each caught where it is.

In each file a comment `# lint: rule` marks the line of the one finding to
expect; one at the head, `# lint: rule at file:line`, names a line of a
template.
"""

import re
from functools import lru_cache
from pathlib import Path

import pytest

import cadences
from cadenza.accounts import load_accounts
from cadenza.authoring.applying import read_cadences
from cadenza.authoring.lint.rule import Finding
from cadenza.authoring.lint.run import all_rules, lint_files
from cadenza.errors import CadenceError

HERE = Path(__file__).parent
ACCOUNTS = load_accounts(HERE / "accounts.yaml")
BROKEN = sorted((HERE / "broken").glob("*.yaml"))
SHIPPED = sorted(Path(cadences.__path__[0]).glob("*.yaml"))
MARK = re.compile(r"# lint: (?!allow)(?P<rule>[a-z-]+)(?: at (?P<file>\S+):(?P<line>\d+))?\s*$")

MEND = re.compile(
    r"(?:^|; |: )(?:did|put|write|leave|add|show|shorten|ask|remove|fill|say|move|templates know)\b"
    r"|did you mean"
)

OF_THE_COMPILER = {
    "unreachable-step",
    "loop-without-a-wait",
    "loop-without-an-end",
    "no-way-to-an-end",
    "missing-template",
    "unknown-variable",
    "unknown-disposition",
    "unknown-step",
}


def expected(path: Path) -> tuple[str, str, int]:
    """The rule, the file and the line that a broken cadence is about."""
    [(number, mark)] = [
        (number, mark)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (mark := MARK.search(line))
    ]
    if mark["file"]:
        return mark["rule"], str(path.parent / mark["file"]), int(mark["line"])
    return mark["rule"], str(path), number


@lru_cache
def findings(path: Path) -> list[Finding]:
    return list(lint_files([path], accounts=ACCOUNTS)[1])


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_broken_cadence_is_caught_at_the_right_line_and_nothing_else_is_said(path: Path) -> None:
    rule, file, line = expected(path)
    [found] = findings(path)
    assert (found.rule, found.place.file, found.place.line) == (rule, file, line)


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_message_tells_the_mend_after_what_is_wrong(path: Path) -> None:
    [found] = findings(path)
    assert MEND.search(found.message), found.message


def test_page_has_a_broken_cadence_for_every_rule() -> None:
    shown = {expected(path)[0] for path in BROKEN}
    rules = {rule.name for rule in all_rules()} - {"unknown-cadence"}  # needs a neighbour, below
    assert rules | OF_THE_COMPILER <= shown


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_apply_refuses_what_lint_calls_an_error_and_nothing_else(path: Path) -> None:
    [found] = findings(path)
    if found.level == "advice":
        assert [c.path for c in read_cadences([path], ACCOUNTS)] == [path]
        return
    with pytest.raises(CadenceError) as refused:
        read_cadences([path], ACCOUNTS)
    [problem] = refused.value.problems
    assert (problem.rule, problem.place, problem.message) == (
        found.rule,
        found.place,
        found.message,
    )


def test_shipped_cadences_lint_clean() -> None:
    assert [str(finding) for finding in lint_files(SHIPPED)[1]] == []


@pytest.mark.parametrize("name", [rule.name for rule in all_rules()])
def test_rule_is_documented(name: str) -> None:
    page = (HERE.parents[3] / "docs" / "tools" / "lint.md").read_text(encoding="utf-8")
    assert f"| `{name}` |" in page


def test_rules_have_names_of_their_own_that_tell_their_file() -> None:
    rules = all_rules()
    assert len({rule.name for rule in rules}) == len(rules)
    for rule in rules:
        assert type(rule).__module__.rpartition(".")[2] == rule.name.replace("-", "_")
        assert rule.summary
