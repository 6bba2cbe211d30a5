"""`parallel:` works in several lanes side by side, and goes on when all or any of them are done."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from cadenza.abc import Standing, StepType
from cadenza.language.fields import Fields
from cadenza.language.step_context import StepContext
from cadenza.model import Fork, GoTo, Verdict, WaitUntil

MOST_LANES = 12

_LANE = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class ParallelStep(StepType):
    """Lanes. first_steps: lane → the step with which it begins. join: how many have to end."""

    name: ClassVar[str] = "parallel"
    keys: ClassVar[frozenset[str]] = frozenset({"join"})

    first_steps: Mapping[str, str]
    join: Literal["all", "any"] = "all"

    def plan(self, standing: Standing) -> Verdict:
        state = standing.state
        happened = state.history.get(self.step_id, {})
        if "forked" not in happened:
            return Fork(lanes=self.first_steps)
        # A later version may have lanes that did not begin: these are not waited for.
        running = [lane for lane in self.first_steps if lane in state.lanes]
        has_ended = any(f"lane:{lane}" in happened for lane in self.first_steps)
        if running and not (self.join == "any" and has_ended):
            of_them = "any of the lanes" if self.join == "any" else "the lanes"
            return WaitUntil(at=None, waits_for=f"{of_them} {' and '.join(running)}")
        if state.reached_at > standing.now:
            return WaitUntil(at=state.reached_at)
        return GoTo(step=None, reached_at=state.reached_at, reached_day=state.reached_day)

    def lanes(self) -> Mapping[str, str]:
        return self.first_steps

    def goes_on_with_any(self) -> bool:
        return self.join == "any"

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "ParallelStep | None":
        lanes = fields.mapping("parallel")
        join = fields.choice("join", ("all", "any")) if "join" in fields else "all"
        if lanes is None:
            return None
        names = [*lanes.keys()]
        first_steps = {}
        for name in names:
            if not _LANE.fullmatch(name):
                lanes.reporter.problem(
                    lanes.key_place(name),
                    f"`{name}` is no name of a lane; write small letters, digits, `-` and `_`",
                )
            elif (first := context.nested(lanes, name, lane=name)) is not None:
                first_steps[name] = first
        if context.nest.lane is not None:
            fields.reporter.problem(
                fields.key_place("parallel"),
                "a lane cannot fork again; put these lanes beside it",
            )
        if not 2 <= len(names) <= MOST_LANES:
            fields.problem(
                "parallel",
                f"`parallel` has 2 to {MOST_LANES} lanes, each a name with a list of steps",
            )
        if len(first_steps) < len(names) or join is None or not first_steps:
            return None
        return cls(
            step_id=context.step_id,
            place=context.place,
            first_steps=first_steps,
            join="any" if join == "any" else "all",
        )
