"""A branch asks only for what can have happened by then."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.language.conditions import AllHold, Condition, Happened
from cadenza.model import EventType
from cadenza.steps.branch import BranchStep


class HastyBranch(LintRule):
    """Looks for conditions about what comes back from a touch that was only just made.

    Without `within` a condition is decided at once. Also found: one about
    a step that lies on no way to the branch, which can never hold.
    """

    name: ClassVar[str] = "hasty-branch"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a condition about something that cannot have happened by then"

    def check(self, case: Case) -> Sequence[Finding]:
        found = []
        for step in case.cadence.steps.values():
            for number, arm in enumerate(step.arms if isinstance(step, BranchStep) else ()):
                for condition in _about_a_step(arm.when):
                    message = _trouble(case, step.step_id, condition)
                    if message:
                        place = case.written.place(step.step_id, "branch", str(number), "when")
                        found.append(self.finding(place, message))
        return found


def _about_a_step(condition: Condition) -> Iterator[Happened]:
    if isinstance(condition, AllHold):
        for part in condition.conditions:
            yield from _about_a_step(part)
    elif isinstance(condition, Happened) and condition.step is not None:
        yield condition


def _trouble(case: Case, branch: str, condition: Happened) -> str | None:
    about = condition.step or ""
    forms = set(case.cadence.forms_of(about))
    shortest: float | None = None
    for way in case.ways:
        acted: dict[str, float] = {}
        for stop in way.stops:
            if stop.step == branch:
                since = [stop.at - at for at in acted.values()]
                shortest = min([*since, *([] if shortest is None else [shortest])], default=None)
            if stop.step in forms:
                acted[stop.step] = stop.at
    if shortest is None:
        return (
            f"no way to `{branch}` leads through `{about}`, so this never happens; ask about a "
            "step that comes before it"
        )
    if shortest > 0 or condition.within is not None or condition.event is EventType.TASK_DONE:
        return None
    word = str(condition.event).replace("_", " ")
    return (
        f"`{branch}` is decided in the moment in which `{about}` goes out, when it cannot have "
        f"{word} yet; write for instance `{word} {about} within 2 days`"
    )
