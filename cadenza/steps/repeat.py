"""`repeat:` does the same steps again and again, until something is so or it was often enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from cadenza.abc import Standing, StepType
from cadenza.language.conditions.condition import Condition
from cadenza.language.fields import Fields
from cadenza.language.sentences import take_condition
from cadenza.language.step_context import StepContext
from cadenza.language.timing import Gap, days_passed, take_gap
from cadenza.model import GoTo, Verdict, WaitUntil

MOST_ROUNDS = 1000
ROUND = "round:"
"""What its history calls the rounds that began, each with its number."""


@dataclass(frozen=True, kw_only=True)
class RepeatStep(StepType):
    """Rounds of the same steps; the last of them leads back to this one.

    first: the step with which a round begins. every: how long after the
    end of a round the next begins. until: also looked at while it waits.
    at_most: how many rounds. One of until and at_most is set, or both.
    """

    name: ClassVar[str] = "repeat"
    keys: ClassVar[frozenset[str]] = frozenset({"every", "until", "at_most"})

    first: str
    every: Gap
    until: Condition | None = None
    at_most: int | None = None

    def plan(self, standing: Standing) -> Verdict:
        state, days, zone = standing.state, standing.days, standing.profile.time_zone
        if state.reached_at > standing.now:
            return WaitUntil(at=state.reached_at)
        looks_again = None
        if self.until is not None:
            judgement = self.until.judge(standing)
            if judgement.holds:
                return self._go(None, standing, max(state.reached_at, judgement.at))
            looks_again = judgement.at if judgement.holds is None else None
        rounds = sum(mark.startswith(ROUND) for mark in state.history.get(self.step_id, ()))
        if rounds == 0:
            return self._go(self.first, standing, state.reached_at, rounds=1)
        # Time for an answer is left after the last round too.
        end = self.every.day_after(state.reached_at, days, zone)
        if standing.now < end:
            return WaitUntil(at=end if looks_again is None else min(end, looks_again))
        if self.at_most is not None and rounds >= self.at_most:
            return self._go(None, standing, end)
        return self._go(self.first, standing, end, rounds=rounds + 1)

    def _go(
        self, step: str | None, standing: Standing, at: datetime, *, rounds: int | None = None
    ) -> GoTo:
        state, zone = standing.state, standing.profile.time_zone
        passed = days_passed(standing.days, state.reached_at, at, zone)
        return GoTo(
            step=step,
            reached_at=at,
            reached_day=state.reached_day + passed,
            marks={} if rounds is None else {f"{ROUND}{rounds}": at},
        )

    def targets(self) -> Sequence[str]:
        return (self.first,)

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "RepeatStep | None":
        first = context.nested(fields, "repeat")
        every = take_gap(fields, "every", context.days)
        until = take_condition(fields, "until", context)
        at_most = fields.number("at_most", 1, MOST_ROUNDS)
        fields.missing("every", "say how long after a round the next begins: `every: 1 week`")
        if every is not None and not every.takes_time:
            fields.problem("every", "rounds need time between them; write for instance `1 day`")
        if "until" not in fields and "at_most" not in fields:
            fields.reporter.problem(
                fields.place,
                "say when it ends: `until: replied`, `at_most: 6`, or both",
                rule="loop-without-an-end",
            )
        wrong = (until is None and "until" in fields) or (at_most is None and "at_most" in fields)
        if first is None or every is None or wrong:
            return None
        return cls(
            step_id=context.step_id,
            place=context.place,
            first=first,
            every=every,
            until=until,
            at_most=at_most,
        )
