"""`task: call` asks a person to do something: a call, a parcel, an approval."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from cadenza.abc import Act, GoTo, Standing, StepType, Verdict, WaitUntil
from cadenza.language.fields import Fields
from cadenza.language.source import Text
from cadenza.language.step_context import StepContext
from cadenza.language.template import Template, Variables
from cadenza.language.timing import Gap, Timing, days_passed, take_gap
from cadenza.model import Channel, Effect, EventType, Occurrence, TaskSpec

DISPOSITIONS = {
    "call": ("connected", "no_answer", "left_voicemail", "meeting_booked"),
    "direct_mail": ("sent",),
    "approval": ("approved", "refused"),
    "social": ("done",),
    "todo": ("done",),
}
"""The kinds of task, and how each can go where the file does not say."""

_DISPOSITION = re.compile(r"[a-z][a-z0-9_]{0,40}")
_DUE = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class TaskStep(StepType):
    """A task for the prospect's owner.

    It is planned like a touch; when it is due it opens (`opened_task`), and
    the enrollment stays until it is done or `wait` has passed. wait: None
    goes on as soon as it is open. due_in: how soon it should be done.
    """

    name: ClassVar[str] = "task"
    keys: ClassVar[frozenset[str]] = frozenset(
        {"day", "after", "title", "script", "checklist", "dispositions", "wait", "due"}
    )
    events: ClassVar[frozenset[EventType]] = frozenset(
        {EventType.TASK_DONE, EventType.MEETING_BOOKED}
    )

    kind: str
    timing: Timing
    title: Template | None
    script: Template | None
    checklist: Sequence[Template]
    dispositions: Sequence[str]
    wait: Gap | None
    due_in: timedelta

    def plan(self, standing: Standing) -> Verdict:
        not_before, day = self.timing.due(standing)
        history = standing.state.history.get(self.step_id, {})
        for over in (EventType.TASK_DONE, "failed", "skipped"):
            if over in history:
                return GoTo(step=None, reached_at=history[over], reached_day=day)
        opened = history.get("opened_task")
        if opened is None:
            return Act(channel=Channel.TASK, not_before=not_before)
        return self._stay(standing, opened, day)

    def _stay(self, standing: Standing, opened: datetime, day: int) -> Verdict:
        if self.wait is None:
            return GoTo(step=None, reached_at=opened, reached_day=day)
        days, zone = standing.cadence.days, standing.profile.time_zone
        end = self.wait.exactly_after(opened, days, zone)
        if standing.now < end:
            return WaitUntil(at=end)
        passed = days_passed(days, opened, end, zone)
        return GoTo(step=None, reached_at=end, reached_day=day + passed)

    def effects(self, standing: Standing, occurrence: Occurrence) -> Sequence[Effect]:
        if occurrence.kind != "opened_task":
            return ()
        return (
            Effect(kind="open_task", data={"step": self.step_id, "visit": standing.state.visit}),
        )

    def render(self, variables: Variables) -> TaskSpec:
        """The task as its owner will read it. Raises MissingVariable, RenderError."""
        title = self.title.render(variables) if self.title else self.kind.replace("_", " ")
        return TaskSpec(
            kind=self.kind,
            title=" ".join(title.split()),
            script=self.script.render(variables).strip() if self.script else "",
            checklist=[" ".join(item.render(variables).split()) for item in self.checklist],
            dispositions=self.dispositions,
            due_in=self.due_in,
        )

    def takes_time(self) -> bool:
        after = self.timing.after
        return self.wait is not None or (after is not None and after.takes_time)

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "TaskStep | None":
        kind = fields.choice("task", DISPOSITIONS)
        timing = Timing.take(fields, context.days)
        texts = [fields.text("title"), fields.text("script")]
        title, script = (context.cadence.template(text) if text else None for text in texts)
        checklist = [context.cadence.template(item) for item in fields.texts("checklist") or ()]
        dispositions = _take_dispositions(fields)
        wait = _take_wait(fields, context)
        due_in = fields.span("due")
        if kind is None:
            return None
        return cls(
            step_id=context.step_id,
            place=context.place,
            kind=kind,
            timing=timing,
            title=title,
            script=script,
            checklist=tuple(item for item in checklist if item is not None),
            dispositions=dispositions or DISPOSITIONS[kind],
            wait=wait,
            due_in=due_in or _DUE,
        )


def _take_wait(fields: Fields, context: StepContext) -> Gap | None:
    fields.missing(
        "wait",
        "say how long to wait for the task: `wait: 2 days` goes on when it is done or after "
        "that, `wait: none` at once",
    )
    text = fields.text("wait")
    if text is None or text.value == "none":
        return None
    return take_gap(fields, "wait", context.days)


def _take_dispositions(fields: Fields) -> tuple[str, ...]:
    said: list[Text] = [*(fields.texts("dispositions") or ())]
    for text in said:
        if not _DISPOSITION.fullmatch(text.value):
            fields.reporter.problem(
                text.place,
                f"`{text.value}` is no disposition; write a word such as `left_voicemail`",
            )
    return tuple(dict.fromkeys(text.value for text in said))
