"""Every value proposition is told at least once."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule


class UnusedValue(LintRule):
    """Compares `values` with the `value` of the touches."""

    name: ClassVar[str] = "unused-value"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a value proposition that no touch tells"

    def check(self, case: Case) -> Sequence[Finding]:
        told = {intent.value for intent in case.cadence.intents.values()}
        return [
            self.finding(
                case.written.top("values", name),
                f"no touch tells the value proposition `{name}`; write `value: {name}` at the one "
                "that does, or remove it",
            )
            for name in case.cadence.values
            if name not in told
        ]
