"""`task: call` asks a person to do something: a call, a parcel, an approval."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from cadenza.abc import Standing, StepType
from cadenza.language.fields import Fields
from cadenza.language.localized import Words, take_languages
from cadenza.language.parties import take_assignee, take_party
from cadenza.language.source import Text
from cadenza.language.step_context import StepContext
from cadenza.language.template import Variables
from cadenza.language.timing import Gap, Timing, days_passed, take_gap
from cadenza.model import (
    Act,
    Channel,
    Effect,
    EventType,
    GoTo,
    Occurrence,
    TaskSpec,
    Verdict,
    WaitUntil,
)
from cadenza.steps.touch import TOUCH_KEYS

DISPOSITIONS = {
    "call": ("connected", "no_answer", "left_voicemail", "meeting_booked"),
    "direct_mail": ("sent",),
    "approval": ("approved", "refused"),
    "social": ("done",),
    "todo": ("done",),
}
"""The kinds of task, and how each can go where the file does not say."""

MOST_ITEMS = 50
_SAID = {"yes": True, "true": True, "no": False, "false": False}
_DISPOSITION = re.compile(r"[a-z][a-z0-9_]{0,40}")
_DUE = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class ChecklistItem:
    """One thing to tick off. mandatory: without it the task is not done."""

    text: Words
    mandatory: bool = False


@dataclass(frozen=True, kw_only=True)
class TaskStep(StepType):
    """A task for the prospect's owner.

    It is planned like a touch; when it is due it opens (`opened_task`), and
    the enrollment stays until it is done or `wait` has passed. wait: None
    goes on as soon as it is open, `done` when the task is. due_in: how soon
    it should be done. assignee: the role or owner id whom it is for; None:
    the prospect's owner. to: the party of the subject whom it is about;
    None: the prospect.
    """

    name: ClassVar[str] = "task"
    keys: ClassVar[frozenset[str]] = frozenset(
        TOUCH_KEYS
        | {"title", "script", "voicemail", "checklist", "dispositions", "due", "wait", "for", "to"}
    )
    events: ClassVar[frozenset[EventType]] = frozenset(
        {EventType.TASK_DONE, EventType.MEETING_BOOKED}
    )

    kind: str
    timing: Timing
    title: Words | None
    script: Words | None
    checklist: Sequence[ChecklistItem]
    dispositions: Sequence[str]
    wait: Gap | Literal["done"] | None
    due_in: timedelta
    voicemail: Words | None = None
    assignee: str | None = None
    to: str | None = None

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
        if self.wait == "done":
            return WaitUntil(at=None, waits_for=f"task {self.step_id}")
        if self.wait is None:
            return GoTo(step=None, reached_at=opened, reached_day=day)
        days, zone = standing.days, standing.profile.time_zone
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
        items = [
            (" ".join(item.text.render(variables).split()), item.mandatory)
            for item in self.checklist
        ]
        title = self.title.render(variables) if self.title else self.kind.replace("_", " ")
        return TaskSpec(
            kind=self.kind,
            title=" ".join(title.split()),
            script=self.script.render(variables).strip() if self.script else "",
            checklist=[item for item, _ in items],
            mandatory=tuple(item for item, mandatory in items if mandatory),
            voicemail=self.voicemail.render(variables).strip() if self.voicemail else "",
            assignee=self.assignee,
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
        title, script, voicemail = (
            context.words(fields, key) for key in ("title", "script", "voicemail")
        )
        checklist = _take_checklist(fields, context)
        dispositions = _take_dispositions(fields)
        wait = _take_wait(fields, context)
        due_in = fields.span("due")
        assignee, to = take_assignee(fields), take_party(fields)
        if kind not in (None, "call") and "voicemail" in fields:
            fields.problem("voicemail", "only a call has a voicemail; remove it")
        if kind is None:
            return None
        return cls(
            step_id=context.step_id,
            place=context.place,
            kind=kind,
            timing=timing,
            title=title,
            script=script,
            checklist=checklist,
            dispositions=dispositions or DISPOSITIONS[kind],
            wait=wait,
            due_in=due_in or _DUE,
            voicemail=voicemail,
            assignee=assignee,
            to=to,
        )


def _take_checklist(fields: Fields, context: StepContext) -> Sequence[ChecklistItem]:
    if not fields.is_list("checklist"):
        text = context.words(fields, "checklist")
        return () if text is None else (ChecklistItem(text=text),)
    items = fields.items("checklist", "an item of a checklist")
    if len(items) > MOST_ITEMS:
        fields.problem("checklist", f"a checklist has at most {MOST_ITEMS} items")
        return ()
    return tuple(taken for item in items if (taken := _take_item(item, context)))


def _take_item(item: Text | Fields, context: StepContext) -> ChecklistItem | None:
    if isinstance(item, Text):
        text = context.cadence.template(item)
        return ChecklistItem(text=text) if text else None
    if "item" not in item:
        said = take_languages(item, "checklist", context.cadence)
        return ChecklistItem(text=said) if said else None
    words = context.words(item, "item")
    mandatory = _SAID[item.choice("mandatory", _SAID) or "no"]
    item.done()
    return ChecklistItem(text=words, mandatory=mandatory) if words else None


def _take_wait(fields: Fields, context: StepContext) -> Gap | Literal["done"] | None:
    fields.missing(
        "wait",
        "say how long to wait for the task: `wait: 2 days` goes on when it is done or after "
        "that, `wait: none` at once, `wait: done` only when it is done",
    )
    text = fields.text("wait")
    if text is None or text.value == "none":
        return None
    if text.value == "done":
        return "done"
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
