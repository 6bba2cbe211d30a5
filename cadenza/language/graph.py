"""Checks of the whole course: every step can be reached, every way ends, no loop rushes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cadenza.abc import StepType
from cadenza.language.known import TOP, Nest
from cadenza.language.reporter import Reporter
from cadenza.language.timing import Timing

Ways = Mapping[str, Sequence[str]]
"""Step → the steps that may come next."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """The steps and how they hang together. All steps that are named exist.

    also_begin: where enrollments may come in beside the first step.
    """

    steps: Mapping[str, StepType]
    following: Mapping[str, str]
    nests: Mapping[str, Nest]
    written_as: Mapping[str, str]
    also_begin: Iterable[str] = ()

    @cached_property
    def ways(self) -> Ways:
        """Step → its targets, its lanes, and what follows it."""
        return {
            step_id: list(dict.fromkeys([*step.targets(), *step.lanes().values(), *after]))
            for step_id, step in self.steps.items()
            for after in [[self.following[step_id]] if step_id in self.following else []]
        }

    @cached_property
    def lane_ends(self) -> Mapping[str, str]:
        """The steps with which a lane may end → the step that runs it."""
        found = {}
        for step_id, step in self.steps.items():
            nest = self.nests.get(step_id, TOP)
            ends_here = step.continues() and step_id not in self.following
            if nest.parallel and (ends_here or step.ends_lane()):
                found[step_id] = nest.parallel
        return found

    def leads_back(self, step_id: str, target: str) -> bool:
        """Whether the way from one to the other ends a round or a lane."""
        return target in self.nests.get(step_id, TOP).around


def check_course(course: Course, reporter: Reporter) -> None:
    """Report what is wrong with the way from step to step."""
    begin = [next(iter(course.steps)), *course.also_begin]
    reachable = _reachable(course.ways, begin)
    for step_id, step in course.steps.items():
        if step_id not in reachable and course.written_as.get(step_id) not in reachable:
            reporter.problem(
                step.place,
                f"nothing leads to `{step_id}`; remove it, or write `go: {step_id}` somewhere",
                rule="unreachable-step",
            )
    _check_ends(course, reachable, reporter)
    _check_rush(course, reporter)
    _check_days(course, reporter)


def _reachable(ways: Ways, begin: Iterable[str]) -> set[str]:
    found: set[str] = set()
    ahead = list(begin)
    while ahead:
        step_id = ahead.pop()
        if step_id not in found:
            found.add(step_id)
            ahead.extend(ways.get(step_id, ()))
    return found


def _check_ends(course: Course, reachable: set[str], reporter: Reporter) -> None:
    back: dict[str, list[str]] = {step_id: [] for step_id in course.steps}
    for step_id, targets in course.ways.items():
        for target in targets:
            back[target].append(step_id)
    for step_id, parallel in course.lane_ends.items():
        back[parallel].append(step_id)
    ends = [
        step_id
        for step_id, step in course.steps.items()
        if not course.ways[step_id] and not step.continues() and step_id not in course.lane_ends
    ]
    endless = reachable - _reachable(back, ends)
    for step_id, step in course.steps.items():
        if step_id in endless:
            reporter.problem(
                step.place,
                f"no way leads from `{step_id}` to an end; add a step such as `end: no_response`",
                rule="no-way-to-an-end",
            )
            return


def _check_rush(course: Course, reporter: Reporter) -> None:
    """Report loops that a prospect could go round without any time passing."""
    slow = {step_id for step_id in course.steps if _takes_time(step_id, course)}
    hasty = {
        step_id: [
            target
            for target in targets
            if target not in slow and not course.leads_back(step_id, target)
        ]
        for step_id, targets in course.ways.items()
        if step_id not in slow
    }
    for step_id, targets in hasty.items():
        if step_id in _reachable(hasty, targets):
            reporter.problem(
                course.steps[step_id].place,
                f"`{step_id}` is part of a loop in which no time passes; "
                "add `after: 2 days` to one of its touches, or a step `wait: 2 days`",
                rule="loop-without-a-wait",
            )
            return


def _takes_time(step_id: str, course: Course) -> bool:
    """Whether passing a step takes time; a fork does if the lanes that it waits for do."""
    step = course.steps[step_id]
    lanes = step.lanes()
    if not lanes:
        return step.takes_time()
    timed = [_lane_takes_time(first, course) for first in lanes.values()]
    return all(timed) if step.goes_on_with_any() else any(timed)


def _lane_takes_time(first: str, course: Course) -> bool:
    seen: set[str] = set()
    step_id: str | None = first
    while step_id is not None and step_id not in seen:
        if course.steps[step_id].takes_time():
            return True
        seen.add(step_id)
        step_id = course.following.get(step_id)
    return False


def _check_days(course: Course, reporter: Reporter) -> None:
    order = {step_id: number for number, step_id in enumerate(course.steps)}
    forms: dict[str, list[str]] = {}
    for form, name in course.written_as.items():
        forms.setdefault(name, []).append(form)
    for before, follower in course.following.items():
        for after in forms.get(follower, [follower]):
            first, second = _day(course.steps[before]), _day(course.steps[after])
            if first and second and order[before] < order[after] and second < first:
                reporter.problem(
                    course.steps[after].place,
                    f"`{after}` on day {second} follows `{before}` on day {first}; "
                    "days must not go down",
                )


def _day(step: StepType) -> int | None:
    timing = getattr(step, "timing", None)
    return timing.day if isinstance(timing, Timing) else None
