"""`move_to` leads to a cadence that is there."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.language.source import did_you_mean


class UnknownCadence(LintRule):
    """Compares what `move_to` names with the cadences of the same folder."""

    name: ClassVar[str] = "unknown-cadence"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "`move_to` names a cadence that is not in the folder"

    def check(self, case: Case) -> Sequence[Finding]:
        if case.neighbours is None:
            return ()
        found = []
        for step in case.cadence.steps.values():
            name = getattr(step, "cadence", None) if step.name == "move_to" else None
            if isinstance(name, str) and name not in case.neighbours:
                found.append(
                    self.finding(
                        case.written.place(step.step_id, "move_to"),
                        f"there is no cadence `{name}` in this folder"
                        f"{did_you_mean(name, case.neighbours)}; whoever comes here stays until "
                        "it is applied: write it, or correct the name",
                    )
                )
        return found
