"""`clicked intro within 3 days`, `raw opened intro`, `not replied`."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.conditions.condition import STEP, Condition, Judgement, first_of
from cadenza.language.known import Known
from cadenza.language.timing import Gap, parse_gap
from cadenza.model import EventType

EVENTS = {
    "opened": EventType.OPENED,
    "clicked": EventType.CLICKED,
    "replied to": EventType.REPLIED,
    "replied": EventType.REPLIED,
    "auto replied": EventType.AUTO_REPLIED,
    "bounced": EventType.BOUNCED,
    "complained": EventType.COMPLAINED,
    "unsubscribed": EventType.UNSUBSCRIBED,
    "accepted": EventType.CONNECTION_ACCEPTED,
    "connection accepted": EventType.CONNECTION_ACCEPTED,
    "meeting booked": EventType.MEETING_BOOKED,
    "done": EventType.TASK_DONE,
    "goal": EventType.GOAL,
}
"""How events are called in a condition."""

RAW = "raw:"
_OF_MACHINES_TOO = (EventType.OPENED, EventType.CLICKED)

PHRASES = "|".join(phrase.replace(" ", "[ _]") for phrase in sorted(EVENTS, key=len, reverse=True))
_SENTENCE = re.compile(
    rf"(?P<negated>not )?(?P<raw>raw )?(?P<phrase>{PHRASES})"
    rf"(?: (?!within ){STEP})?"
    r"(?: within (?P<within>.+))?"
)


@dataclass(frozen=True, kw_only=True)
class Happened(Condition):
    """An event came: about `step` if one is named; in time, counted from when that step acted.

    event: an `EventType`, or `raw:` and one. Without a step, the time
    counts from when the present step was reached.
    """

    examples: ClassVar[tuple[str, ...]] = ("clicked intro within 3 days",)

    event: str
    step: str | None
    within: Gap | None
    negated: bool

    @classmethod
    def read(cls, sentence: str, days: Days, /) -> "Condition | None":
        match = _SENTENCE.fullmatch(sentence)
        if match is None:
            return None
        event = EVENTS[match["phrase"].replace("_", " ")]
        if match["raw"] and event not in _OF_MACHINES_TOO:
            raise ValueError(
                f"`{sentence}`: only `opened` and `clicked` are told apart by who did it; "
                "remove `raw`"
            )
        return cls(
            event=f"{RAW}{event}" if match["raw"] else event,
            step=match["step"],
            within=parse_gap(match["within"], days) if match["within"] else None,
            negated=bool(match["negated"]),
        )

    def judge(self, standing: Standing) -> Judgement:
        state = standing.state
        happened = self._first(standing)
        if self.within is None:
            return self._known(happened is not None, happened or state.reached_at)
        begun = state.reached_at if self.step is None else self._acted(standing, self.step)
        if begun is None:
            # The step was skipped or never reached: nothing will come of it.
            return self._known(happened is not None, happened or state.reached_at)
        days, zone = standing.days, standing.profile.time_zone
        deadline = self.within.exactly_after(begun, days, zone)
        if happened is not None and happened <= deadline:
            return self._known(True, happened)
        if standing.now >= deadline:
            return self._known(False, deadline)
        return Judgement(holds=None, at=deadline)

    def _known(self, holds: bool, at: datetime) -> Judgement:
        return Judgement(holds=holds != self.negated, at=at)

    def _first(self, standing: Standing) -> datetime | None:
        if self.step is not None:
            return first_of(standing, self.step, (self.event,))
        steps = standing.cadence.steps
        return min(
            (
                of[self.event]
                for step, of in standing.state.history.items()
                # What another party of the subject did is asked for by its step.
                if self.event in of and getattr(steps.get(step), "to", None) is None
            ),
            default=None,
        )

    @staticmethod
    def _acted(standing: Standing, step: str) -> datetime | None:
        sent = first_of(standing, step, ("sent",))
        return first_of(standing, step, ("opened_task",)) if sent is None else sent

    def trouble(self, known: Known) -> tuple[str, str] | None:
        if self.step is None:
            return None
        if self.step not in known.steps:
            return self.step, known.unknown_step(self.step)
        event = self.event.removeprefix(RAW)
        forms = [known.steps[form] for form in known.forms_of(self.step)]
        if any(form is None or event in form.events for form in forms):
            return None
        kind = next((form.name for form in forms if form is not None), "step")
        return self.step, (
            f"`{self.step}` is a step of kind `{kind}`; "
            f"`{event.replace('_', ' ')}` never comes back about it"
        )

    def takes_time(self) -> bool:
        return self.within is not None and self.within.takes_time
