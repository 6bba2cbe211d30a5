"""Text messages stay short, also for whoever has a long name."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.authoring.lint.samples import worst_values
from cadenza.errors import RenderError
from cadenza.language.partials import without_renders
from cadenza.language.reporter import Reporter
from cadenza.language.source import Text
from cadenza.language.template import compile_template
from cadenza.sms.segments import Encoding, Segments, measure

MOST_SEGMENTS = 2


class SmsLength(LintRule):
    """Fills each text message with the longest values and counts its segments.

    The values are those of the prospects that were given, else long names
    in Latin letters. Each segment is charged, and carriers cap them
    (counted as in `cadenza.sms.segments`).
    """

    name: ClassVar[str] = "sms-length"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a text message of more than 2 segments"

    def check(self, case: Case) -> Sequence[Finding]:
        return [
            self._say(step_id, text, counted)
            for step_id, text in case.written.texts_of("sms")
            for counted in [_counted(text, case)]
            if counted.count > MOST_SEGMENTS
        ]

    def _say(self, step_id: str, text: Text, counted: Segments) -> Finding:
        if counted.encoding is Encoding.UCS_2:
            room, letters = 67 * MOST_SEGMENTS, f", because of `{counted.foreign[:5]}`"
        else:
            room, letters = 153 * MOST_SEGMENTS, ""
        return self.finding(
            text.place,
            f"`{step_id}` takes up to {counted.count} segments with long names{letters}; "
            f"shorten it by {counted.units - room} characters"
            + (", or do without these letters" if letters else ""),
        )


def _counted(text: Text, case: Case) -> Segments:
    template = compile_template(without_renders(text), autoescape=False, reporter=Reporter())
    if template is None:
        return measure(text.value)
    counts = []
    for values in worst_values(template.variables, case):
        try:
            counts.append(measure(template.render(_nested(values)).strip()))
        except RenderError:
            counts.append(measure(text.value))
    return max(counts, key=lambda counted: counted.count)


def _nested(values: Mapping[str, str]) -> Mapping[str, Any]:
    """`prospect.first_name` → a value, as templates are given them."""
    nested: dict[str, Any] = {}
    for name, value in values.items():
        root, _, rest = name.partition(".")
        if rest:
            nested.setdefault(root, {})[rest] = value
        else:
            nested[root] = value
    return nested
