"""Somebody is there to send each touch."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.steps.touch import TouchStep


class MissingAccount(LintRule):
    """Compares the groups in `from` with those of the accounts file; each channel once."""

    name: ClassVar[str] = "missing-account"
    level: ClassVar[Level] = "error"
    summary: ClassVar[str] = "a touch from a group in which nobody sends"
    needs_accounts: ClassVar[bool] = True

    def check(self, case: Case) -> Sequence[Finding]:
        if case.accounts is None:
            return ()
        found = {}
        for step in case.cadence.steps.values():
            if not isinstance(step, TouchStep) or step.channel in found:
                continue
            of_channel = [a for a in case.accounts.accounts if a.channel == step.channel]
            group = case.cadence.groups.get(step.channel, "default")
            if any(a.group == group for a in of_channel):
                continue
            known = ", ".join(sorted({a.group for a in of_channel})) or "none"
            found[step.channel] = self.finding(
                step.place,
                f"the accounts file has no {step.channel} account in group `{group}` to send "
                f"this from; add one, or write `from: {{{step.channel}: …}}` with a group that "
                f"has one (there: {known})",
            )
        return list(found.values())
