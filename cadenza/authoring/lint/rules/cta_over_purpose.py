"""Nobody is asked for more than the purpose of the touch bears."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.language.intents import CTA_SIZES, PURPOSES
from cadenza.language.source import listed


class CtaOverPurpose(LintRule):
    """Compares the CTA of each touch with the biggest that fits its purpose.

    "If you are merely trying to get to know your prospects by sending them
    valuable resources, your CTA can't schedule a demo call. Instead, simply
    provide the download link and request feedback" (How to Create a Sales
    Cadence, step 6).
    """

    name: ClassVar[str] = "cta-over-purpose"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a touch asks for more than its purpose bears"

    def check(self, case: Case) -> Sequence[Finding]:
        found = []
        for step_id, intent in case.cadence.intents.items():
            if intent.purpose is None or intent.cta is None:
                continue
            most = CTA_SIZES[PURPOSES[intent.purpose]]
            if CTA_SIZES[intent.cta] > most:
                fit = [cta for cta, size in CTA_SIZES.items() if size == most]
                enough = [p for p, c in PURPOSES.items() if CTA_SIZES[c] >= CTA_SIZES[intent.cta]]
                found.append(
                    self.finding(
                        case.written.place(step_id, "cta"),
                        f"`{step_id}` is there to {intent.purpose.replace('_', ' ')} and asks for "
                        f"`{intent.cta}`, which is more than that bears; ask for {listed(fit)}, "
                        f"or make its purpose {listed(enough)}",
                    )
                )
        return found
