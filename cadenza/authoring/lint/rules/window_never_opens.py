"""No touch waits for an hour that never comes."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.calendars.ever import never_lawful
from cadenza.model import Channel
from cadenza.steps.touch import TouchStep


class WindowNeverOpens(LintRule):
    """Compares windows with those of the accounts, and with the hours that the law leaves texts.

    Each channel once. A place whose law leaves no hour is advice: the
    cadence may not be meant for it, and its prospects are refused.
    """

    name: ClassVar[str] = "window-never-opens"
    level: ClassVar[Level] = "error"
    summary: ClassVar[str] = (
        "a window that an account's own, or the legal hours of texts, never leave open"
    )

    def check(self, case: Case) -> Sequence[Finding]:
        seen: dict[Channel, TouchStep] = {}
        for step in case.cadence.steps.values():
            if isinstance(step, TouchStep):
                seen.setdefault(step.channel, step)
        return [finding for step in seen.values() for finding in self._of(case, step)]

    def _of(self, case: Case, step: TouchStep) -> Iterator[Finding]:
        channel, window = step.channel, case.cadence.windows[step.channel]
        group = case.cadence.groups.get(channel, "default")
        for account in case.accounts.members(channel, group) if case.accounts else ():
            if account.window is not None and window.within(account.window) is None:
                yield self.finding(
                    step.place,
                    f"the cadence's window for {channel} and that of account `{account.id}` are "
                    "never open together for an hour; write one that overlaps the other",
                )
        if channel is Channel.SMS and not case.cadence.service:
            places = ", ".join(never_lawful(window))
            if places:
                yield self.finding(
                    step.place,
                    f"the law of {places} allows marketing texts at no hour of the window for "
                    "sms; write a wider one, or expect that prospects there are refused",
                    "advice",
                )
