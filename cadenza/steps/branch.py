"""`branch:` chooses the way: the first `when:` that holds, else the `else:`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from cadenza.abc import Standing, StepType
from cadenza.language.conditions.condition import Condition
from cadenza.language.fields import Fields
from cadenza.language.sentences import take_condition
from cadenza.language.source import Text
from cadenza.language.step_context import StepContext
from cadenza.language.timing import days_passed
from cadenza.model import GoTo, Verdict, WaitUntil


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way on: where to go when a condition holds; None: the lane ends."""

    when: Condition
    go: str | None


@dataclass(frozen=True, kw_only=True)
class BranchStep(StepType):
    """A fork. It stays while a condition is open and none before it holds.

    So the first line that holds wins however its events arrive: a later
    line is taken only when all before it can no longer come true.
    """

    name: ClassVar[str] = "branch"
    keys: ClassVar[frozenset[str]] = frozenset()
    goes_on: ClassVar[bool] = False

    arms: Sequence[Arm]
    otherwise: str | None

    def plan(self, standing: Standing) -> Verdict:
        decided = standing.state.reached_at
        if decided > standing.now:
            return WaitUntil(at=decided)
        for arm in self.arms:
            judgement = arm.when.judge(standing)
            if judgement.holds is None:
                return WaitUntil(at=judgement.at)
            decided = max(decided, judgement.at)
            if judgement.holds:
                return self._go(arm.go, standing, decided)
        return self._go(self.otherwise, standing, decided)

    def _go(self, step: str | None, standing: Standing, decided: datetime) -> GoTo:
        # The branch itself is no touch and takes no place in the plan: what
        # follows stands on the day on which the branch was decided.
        state, zone = standing.state, standing.profile.time_zone
        passed = days_passed(standing.days, state.reached_at, decided, zone)
        return GoTo(step=step, reached_at=decided, reached_day=state.reached_day + passed)

    def targets(self) -> Sequence[str]:
        ways = (*(arm.go for arm in self.arms), self.otherwise)
        return tuple(step for step in ways if step is not None)

    def ends_lane(self) -> bool:
        return None in (*(arm.go for arm in self.arms), self.otherwise)

    def takes_time(self) -> bool:
        return any(arm.when.takes_time() for arm in self.arms)

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "BranchStep | None":
        arms: list[Arm] = []
        otherwise: Text | None = None
        for line in fields.mappings("branch", "a line of a branch"):
            if otherwise is not None:
                fields.reporter.problem(
                    line.place, "nothing comes here, below `else`; move this line above it"
                )
            if "else" in line:
                otherwise = line.text("else") or otherwise
            elif arm := _take_arm(line, context):
                arms.append(arm)
            line.done({"when", "go", "else"})
        if otherwise is None:
            fields.problem(
                "branch", "say where to go when no line holds; add a last line `- else: <step>`"
            )
            return None
        return cls(
            step_id=context.step_id,
            place=context.place,
            arms=tuple(arms),
            otherwise=context.go(otherwise),
        )


def _take_arm(line: Fields, context: StepContext) -> Arm | None:
    when, go = take_condition(line, "when", context), line.text("go")
    for key in ("when", "go"):
        line.missing(key, f"a line of a branch has `when` and `go`, or `else`; add `{key}`")
    target = context.go(go) if go else None
    return Arm(when=when, go=target) if when and go else None
