"""Persistent, not annoying: a bound on touches in a month, in a week and in a day."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.authoring.lint.touches import is_message, medium, quiet_ways
from cadenza.authoring.ways import Stop

# "It is a good idea to do 8-10 touches per month", of which two or three
# fall in the first weeks (How to Create a Sales Cadence, step 6).
MOST_A_MONTH = 10
MOST_MESSAGES_A_WEEK = 3
MOST_A_DAY = 1
_MONTH_DAYS = 30


class TooManyTouches(LintRule):
    """Looks at the ways on which nobody answers. Answers make a conversation, which may be brisk.

    Calls count for the month and the day, not for the week: one that is
    not answered leaves nothing behind.
    """

    name: ClassVar[str] = "too-many-touches"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = (
        "more than 10 touches in 30 days, 3 messages in a week, or 1 a day on the same channel"
    )

    def check(self, case: Case) -> Sequence[Finding]:
        found: dict[str, Finding] = {}
        for _, stops in quiet_ways(case):
            for finding in self._on_way(case, stops):
                found.setdefault(finding.message, finding)
        return list(found.values())

    def _on_way(self, case: Case, stops: Sequence[Stop]) -> Iterator[Finding]:
        steps, days = case.cadence.steps, case.cadence.days
        week = days.in_week()
        month = _MONTH_DAYS * week // 7 + (1 if week < 7 else 0)
        messages = [stop for stop in stops if is_message(steps[stop.step])]
        if crowded := _over(stops, month, MOST_A_MONTH):
            yield self._say(
                case, crowded, f"the {MOST_A_MONTH + 1}th touch in {_MONTH_DAYS} days", "8 to 10"
            )
        if crowded := _over(messages, week, MOST_MESSAGES_A_WEEK):
            yield self._say(
                case, crowded, f"the {MOST_MESSAGES_A_WEEK + 1}th message in a week", "2 to 3"
            )
        by_medium: dict[str, list[Stop]] = {}
        for stop in stops:
            by_medium.setdefault(medium(steps[stop.step]) or "", []).append(stop)
        for means, of_medium in by_medium.items():
            if crowded := _over(of_medium, 1, MOST_A_DAY):
                what = f"another {means.replace('_', ' ')} on day {crowded.day}"
                yield self._say(case, crowded, what, "1")

    def _say(self, case: Case, stop: Stop, what: str, usual: str) -> Finding:
        mend = "leave one out, or give it a later `day` or a longer `after`"
        return self.finding(
            case.cadence.steps[stop.step].place,
            f"`{stop.step}` is {what} for somebody who never answers, where {usual} are usual; "
            f"{mend}",
        )


def _over(stops: Sequence[Stop], days: int, most: int) -> Stop | None:
    """The first stop that is one too many within so many days in a row."""
    for first, last in zip(stops, stops[most:], strict=False):
        if last.day - first.day < days:
            return last
    return None
