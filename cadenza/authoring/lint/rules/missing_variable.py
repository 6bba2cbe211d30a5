"""No touch is held because a value that it shows is not there."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from cadenza.authoring.lint.liquid_use import Need, needs
from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.language.liquid import environment
from cadenza.language.partials import without_renders
from cadenza.language.source import Text

USUAL = frozenset(
    {
        "prospect.email",
        "prospect.first_name",
        "prospect.last_name",
        "company.name",
        "subject.id",
    }
)
"""What prospects, companies and subjects have where nobody says what they have."""

_OF_THE_CADENCE = ("owner", "sender", "organisation", "unsubscribe_url", "segment")


class MissingVariable(LintRule):
    """Looks for values that are shown without a fallback, and without having been asked for.

    Advice where nobody said what the prospects have: names, address,
    company and subject are taken for given. With a table of prospects,
    whatever is no column of it is an error.
    """

    name: ClassVar[str] = "missing-variable"
    level: ClassVar[Level] = "error"
    summary: ClassVar[str] = "a value that prospects lack, shown without a fallback"

    def check(self, case: Case) -> Sequence[Finding]:
        return [
            self._say(case, text, need)
            for text in case.written.liquid()
            for need in _needs(text)
            if not any(_is_given(case, name) for name in need.names)
        ]

    def _say(self, case: Case, text: Text, need: Need) -> Finding:
        name = need.names[0]
        if case.people is None:
            lacks, level = "may be unknown of a prospect", "advice"
        else:
            lacks, level = "is no column of the prospects", "error"
        return self.finding(
            text.at(need.offset),
            f"`{name}` {lacks}, and then this touch is held; write "
            f'{{{{ {name} | default: "…" }}}}, or {{% if {name} %}} … {{% endif %}} around it',
            "error" if level == "error" else "advice",
        )


def _needs(text: Text) -> Iterator[Need]:
    template = environment(autoescape=False).from_string(without_renders(text).value)
    yield from needs(template)


def _is_given(case: Case, name: str) -> bool:
    root = name.partition(".")[0]
    if root in _OF_THE_CADENCE:
        return True
    if case.people is not None:
        return name in case.people.fields
    return name in USUAL or root == "party"
