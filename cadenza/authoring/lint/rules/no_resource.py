"""Give before you ask: one touch shares something of use."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.authoring.lint.touches import touches

SHORT = 4
"""Touches up to which a cadence is too short for a resource and a last call."""


class NoResource(LintRule):
    """Asks sales cadences for a touch whose purpose is `share_resource`, or whose CTA `download`.

    "Optimize your cadence so that you convey the value propositions,
    provide a valuable resource and use the urgency technique" (How to
    Create a Sales Cadence, step 6).
    """

    name: ClassVar[str] = "no-resource"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "no touch of a sales cadence shares a resource"

    def check(self, case: Case) -> Sequence[Finding]:
        cadence = case.cadence
        reached = touches(case)
        if cadence.service or len(reached) <= SHORT:
            return ()
        intents = [cadence.intents[s.step_id] for s in reached if s.step_id in cadence.intents]
        if any(i.purpose == "share_resource" or i.cta == "download" for i in intents):
            return ()
        return [
            self.finding(
                case.written.top("cadence"),
                f"none of the {len(reached)} touches gives the prospect anything of use; write "
                "`purpose: share_resource` and `cta: download` at the one that offers a guide, "
                "a template or a study, or add one",
            )
        ]
