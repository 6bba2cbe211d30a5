"""Nobody gets marketing by text message who did not say yes, or cannot say no."""

import re
from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.language.conditions import AllHold, Condition, FieldIs
from cadenza.language.source import Text
from cadenza.steps.branch import BranchStep
from cadenza.steps.sms import SmsStep

_CONSENT = re.compile(r"consent|opt(ed)?_?in|agreed|may_(text|sms)")
_NO = frozenset({"no", "false", "0", "none"})
# The words that every provider hears (Twilio's default opt-out words), in
# the languages of our users.
_OPT_OUT = re.compile(
    r"\b(STOP|STOPALL|UNSUBSCRIBE|CANCEL|END|QUIT|ARR[EÊ]T|ABMELDEN|BAJA|ANNULLA|AFMELDEN)\b"
)


class SmsConsent(LintRule):
    """Asks of every text message in a sales cadence one of two things.

    Either every way to it leads through a branch that asks for consent (a
    field whose name has `consent`, `opt_in`, `opted_in` or `agreed` in it,
    such as `prospect.sms_consent is yes`), or its text tells how to opt out
    with a word in capitals such as STOP. Where the law asks for consent
    beforehand (ePrivacy Directive, article 13; 47 CFR 64.1200), only the
    first is enough; Cadenza cannot know where the prospects live.
    """

    name: ClassVar[str] = "sms-consent"
    level: ClassVar[Level] = "error"
    summary: ClassVar[str] = "a text message of a sales cadence without consent or opt-out words"

    def check(self, case: Case) -> Sequence[Finding]:
        if case.cadence.service:
            return ()
        texts: dict[str, list[Text]] = {}
        for step_id, text in case.written.texts_of("sms"):
            texts.setdefault(step_id, []).append(text)
        without_consent = _reachable_without_consent(case)
        found = {}
        for step in case.cadence.steps.values():
            if not isinstance(step, SmsStep) or step.step_id not in without_consent:
                continue
            written = case.cadence.written_as.get(step.step_id, "")
            for text in texts.get(step.step_id) or texts.get(written, []):
                if not _OPT_OUT.search(text.value):
                    found[text.place] = self._say(step.step_id, text)
        return list(found.values())

    def _say(self, step_id: str, text: Text) -> Finding:
        return self.finding(
            text.place,
            f"`{step_id}` goes to people who were never asked and tells them no way out; put a "
            "branch with `when: prospect.sms_consent is yes` before it, or end the text with "
            "`Reply STOP to opt out`",
        )


def _reachable_without_consent(case: Case) -> set[str]:
    """The steps that can be reached on a way on which no branch found that consent was given."""
    cadence = case.cadence
    found: set[str] = set()
    ahead = [cadence.first_step()]
    while ahead:
        step_id = ahead.pop()
        if step_id in found or step_id not in cadence.steps:
            continue
        found.add(step_id)
        step = cadence.steps[step_id]
        ahead += _unasked(step) if isinstance(step, BranchStep) else step.targets()
        ahead += step.lanes().values()
        if step_id in cadence.following:
            ahead.append(cadence.following[step_id])
    return found


def _unasked(branch: BranchStep) -> Sequence[str]:
    """Where a branch leads without having found that consent was given."""
    return [step for step in _ways_unasked(branch) if step is not None]


def _ways_unasked(branch: BranchStep) -> Sequence[str | None]:
    ways: list[str | None] = []
    for arm in branch.arms:
        asked = _asks_consent(arm.when)
        if asked is not True:
            ways.append(arm.go)
        if asked is False:
            return ways  # what comes below is for those who gave it
    return [*ways, branch.otherwise]


def _asks_consent(condition: Condition) -> bool | None:
    """Whether it holds for those who gave consent, or for those who did not; None: neither."""
    for part in _parts(condition):
        if isinstance(part, FieldIs) and _CONSENT.search(str(part.field).lower()):
            says_no = bool(part.said.values) and part.said.values <= _NO
            return part.said.negated == says_no
    return None


def _parts(condition: Condition) -> Sequence[Condition]:
    return condition.conditions if isinstance(condition, AllHold) else [condition]
