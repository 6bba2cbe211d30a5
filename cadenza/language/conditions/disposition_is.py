"""`disposition of call is connected or left_voicemail`: how a task went."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import (
    STEP,
    Condition,
    Judgement,
    first_of,
    known_since,
    values_of,
)
from cadenza.language.known import Known
from cadenza.language.source import did_you_mean, listed
from cadenza.steps.task import TaskStep

_SENTENCE = re.compile(rf"disposition of {STEP} is (?P<negated>not )?(?P<values>.+)")


@dataclass(frozen=True, kw_only=True)
class DispositionIs(Condition):
    """The task was done, and went one of these ways."""

    examples: ClassVar[tuple[str, ...]] = ("disposition of first-call is connected",)

    step: str
    dispositions: frozenset[str]
    negated: bool

    @classmethod
    def read(cls, sentence: str, _days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        if match is None:
            return None
        return cls(
            step=match["step"],
            dispositions=values_of(match["values"]),
            negated=bool(match["negated"]),
        )

    def judge(self, standing: Standing) -> Judgement:
        marks = [f"disposition:{disposition}" for disposition in self.dispositions]
        said = first_of(standing, self.step, marks)
        return Judgement(holds=(said is not None) != self.negated, at=known_since(standing, said))

    def trouble(self, known: Known) -> tuple[str, str] | None:
        if self.step not in known.steps:
            return self.step, known.unknown_step(self.step)
        forms = [known.steps[form] for form in known.forms_of(self.step)]
        if None in forms:
            return None
        tasks = [form for form in forms if isinstance(form, TaskStep)]
        if not tasks:
            return self.step, f"`{self.step}` is no task; only tasks have a disposition"
        words = list(dict.fromkeys(word for task in tasks for word in task.dispositions))
        for disposition in sorted(self.dispositions - {*words}):
            guess = did_you_mean(disposition, words)
            return disposition, (
                f"`{self.step}` has no disposition `{disposition}`{guess}; write {listed(words)}"
            )
        return None
