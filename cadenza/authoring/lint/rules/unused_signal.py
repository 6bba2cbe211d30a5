"""A signal that is only heard is also listened to."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule


class UnusedSignal(LintRule):
    """Looks for signals declared as `heard` of which no step, exit or objective speaks."""

    name: ClassVar[str] = "unused-signal"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a signal that is `heard` and that nothing waits for"

    def check(self, case: Case) -> Sequence[Finding]:
        cadence = case.cadence
        said = " ".join(text.value for _, text in case.written.every_text()).split()
        words = {word.strip("\"',()[]") for word in said}
        return [
            self.finding(
                case.written.top("signals", name),
                f"nothing in this cadence asks for the signal `{name}`; write a condition such "
                f"as `when: {name}`, or remove it",
            )
            for name, reaction in cadence.signals.items()
            if reaction.action == "heard"
            and name not in cadence.exits
            and name != cadence.objective
            and name not in words
            and name.replace("_", " ") not in " ".join(said)
        ]
