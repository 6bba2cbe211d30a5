"""Somebody is there to do each task."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.language.source import did_you_mean
from cadenza.steps.task import TaskStep


class MissingAssignee(LintRule):
    """Compares what `for` says of tasks with the owners of the accounts file and their roles."""

    name: ClassVar[str] = "missing-assignee"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a task for a role that nobody has"
    needs_accounts: ClassVar[bool] = True

    def check(self, case: Case) -> Sequence[Finding]:
        if case.accounts is None:
            return ()
        owners = case.accounts.owners
        known = {owner.id for owner in owners} | {role for o in owners for role in o.roles}
        return [
            self.finding(
                case.written.place(step.step_id, "for"),
                f"nobody in the accounts file is `{step.assignee}` or has that role"
                f"{did_you_mean(step.assignee, known)}; add it to the `roles` of an owner",
            )
            for step in case.cadence.steps.values()
            if isinstance(step, TaskStep)
            and step.assignee is not None
            and step.assignee not in known
        ]
