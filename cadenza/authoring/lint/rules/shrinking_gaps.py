"""Frequent first, then ever fewer."""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.authoring.lint.touches import is_message, quiet_ways
from cadenza.authoring.ways import Stop

# After a rest of three weeks of business days a cadence begins anew.
_REST_DAYS = 15


class ShrinkingGaps(LintRule):
    """Compares each gap between messages with the longest before it.

    "The first few touches may be quite frequent, but you can gradually
    reduce the frequency" (How to Create a Sales Cadence, step 6). A gap
    that is half as long is still let pass: weekends and branches move
    things. Calls do not count, nor what answers a reaction.
    """

    name: ClassVar[str] = "shrinking-gaps"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a gap less than half as long as one before it"

    def check(self, case: Case) -> Sequence[Finding]:
        if case.cadence.service:
            return ()
        found: dict[str, Finding] = {}
        for _, stops in quiet_ways(case):
            messages = [s for s in stops if is_message(case.cadence.steps[s.step]) and s.visit == 1]
            for finding in self._on_way(case, messages):
                found.setdefault(finding.place.file + str(finding.place.line), finding)
        return list(found.values())

    def _on_way(self, case: Case, messages: Sequence[Stop]) -> Sequence[Finding]:
        longest = 0
        for before, stop in pairwise(messages):
            gap = stop.day - before.day
            if gap > _REST_DAYS:
                longest = 0
            elif 0 < gap * 2 < longest:
                told = f"{gap} day{'' if gap == 1 else 's'}"
                return [
                    self.finding(
                        case.cadence.steps[stop.step].place,
                        f"`{stop.step}` comes {told} after `{before.step}`, though there was a gap "
                        f"of {longest} days before; touches are frequent at first and then ever "
                        f"fewer: move it to day {before.day + longest} or later",
                    )
                ]
            else:
                longest = max(longest, gap)
        return []
