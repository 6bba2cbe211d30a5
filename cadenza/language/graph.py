"""Checks of the whole course: every step can be reached, every way ends, no loop rushes."""

from collections.abc import Iterable, Mapping, Sequence

from cadenza.abc import StepType
from cadenza.language.source import Reporter
from cadenza.language.timing import Timing
from cadenza.steps.end import EndStep

Ways = Mapping[str, Sequence[str]]
"""Step → the steps that may come next."""


def check_course(
    steps: Mapping[str, StepType], following: Mapping[str, str], reporter: Reporter
) -> None:
    """Report what is wrong with the way from step to step. All named steps exist."""
    ways = {
        step_id: [*step.targets(), *([following[step_id]] if step_id in following else [])]
        for step_id, step in steps.items()
    }
    reachable = _reachable(ways, [next(iter(steps))])
    for step_id, step in steps.items():
        if step_id not in reachable:
            reporter.problem(
                step.place,
                f"nothing leads to `{step_id}`; remove it, or write `go: {step_id}` somewhere",
            )
    _check_ends(steps, ways, reachable, reporter)
    _check_rush(steps, ways, reporter)
    _check_days(steps, following, reporter)


def _reachable(ways: Ways, begin: Iterable[str]) -> set[str]:
    found: set[str] = set()
    ahead = list(begin)
    while ahead:
        step_id = ahead.pop()
        if step_id not in found:
            found.add(step_id)
            ahead.extend(ways[step_id])
    return found


def _check_ends(
    steps: Mapping[str, StepType], ways: Ways, reachable: set[str], reporter: Reporter
) -> None:
    back: dict[str, list[str]] = {step_id: [] for step_id in steps}
    for step_id, targets in ways.items():
        for target in targets:
            back[target].append(step_id)
    ends = [step_id for step_id, step in steps.items() if isinstance(step, EndStep)]
    endless = reachable - _reachable(back, ends)
    for step_id, step in steps.items():
        if step_id in endless:
            reporter.problem(
                step.place,
                f"no way leads from `{step_id}` to an end; add a step such as `end: no_response`",
            )
            return


def _check_rush(steps: Mapping[str, StepType], ways: Ways, reporter: Reporter) -> None:
    """Report loops that a prospect could go round without any time passing."""
    hasty = {
        step_id: [target for target in targets if not steps[target].takes_time()]
        for step_id, targets in ways.items()
        if not steps[step_id].takes_time()
    }
    for step_id, targets in hasty.items():
        if step_id in _reachable(hasty, targets):
            reporter.problem(
                steps[step_id].place,
                f"`{step_id}` is part of a loop in which no time passes; "
                "add `after: 2 days` to one of its touches, or a step `wait: 2 days`",
            )
            return


def _check_days(
    steps: Mapping[str, StepType], following: Mapping[str, str], reporter: Reporter
) -> None:
    order = {step_id: number for number, step_id in enumerate(steps)}
    for before, after in following.items():
        first, second = _day(steps[before]), _day(steps[after])
        if first and second and order[before] < order[after] and second < first:
            reporter.problem(
                steps[after].place,
                f"`{after}` on day {second} follows `{before}` on day {first}; "
                "days must not go down",
            )


def _day(step: StepType) -> int | None:
    timing = getattr(step, "timing", None)
    return timing.day if isinstance(timing, Timing) else None
