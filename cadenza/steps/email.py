"""`email: intro` sends the mail template of that name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from cadenza.errors import RenderError
from cadenza.language.attachments import Attachments, compile_attachments
from cadenza.language.email_template import EmailTemplate, RenderedEmail
from cadenza.language.fields import Fields
from cadenza.language.parties import take_party
from cadenza.language.source import did_you_mean
from cadenza.language.step_context import StepContext
from cadenza.language.template import Variables
from cadenza.language.timing import Timing
from cadenza.language.variants import ANYBODY, Audience, Variants
from cadenza.model import Attachment, Channel, EventType
from cadenza.steps.touch import TOUCH_KEYS, TouchStep

_REPLY_PREFIX = "Re: "


@dataclass(frozen=True, kw_only=True)
class EmailStep(TouchStep):
    """A mail.

    thread_with: the name of the step that began the thread in which it
    replies; None: it begins its own. starts: the mails that may have begun
    it, by step id; more than one where that step has variants.
    """

    name: ClassVar[str] = "email"
    keys: ClassVar[frozenset[str]] = TOUCH_KEYS | {"thread", "attach", "to"}
    channel: ClassVar[Channel] = Channel.EMAIL
    events: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.OPENED,
            EventType.CLICKED,
            EventType.REPLIED,
            EventType.AUTO_REPLIED,
            EventType.BOUNCED,
            EventType.COMPLAINED,
            EventType.UNSUBSCRIBED,
            EventType.MEETING_BOOKED,
            EventType.GOAL,
        }
    )

    template: Variants[EmailTemplate]
    subject: Variants[EmailTemplate]
    thread_with: str | None
    starts: Mapping[str, Variants[EmailTemplate]] = field(default_factory=dict)
    attachments: Attachments | None = None

    def render(
        self,
        variables: Variables,
        *,
        in_thread: bool = True,
        audience: Audience = ANYBODY,
        begun_by: str | None = None,
    ) -> RenderedEmail:
        """Fill the variant of the mail that `audience` gets.

        in_thread: False if nothing of its thread was sent to this prospect:
        the mail then begins the thread itself, and its subject has no `Re:`.
        begun_by: the one of `starts` that was sent; None: the first.
        Raises MissingVariable, RenderError.
        """
        replies = self.thread_with is not None and in_thread
        subject = self.starts.get(begun_by or "", self.subject).choose(audience)[1].subject
        if subject is None:
            raise RenderError("this variant of the mail that begins the thread has no subject")
        return self.template.choose(audience)[1].render(
            variables, subject=subject, prefix=_REPLY_PREFIX if replies else ""
        )

    def attach(self, variables: Variables) -> Sequence[Attachment]:
        """What the mail carries. Raises MissingVariable, RenderError."""
        return self.attachments.choose(variables) if self.attachments else ()

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "EmailStep | None":
        name = fields.text("email")
        timing = Timing.take(fields, context.days)
        thread = _take_thread(fields, context)
        template = context.cadence.email_template(name) if name else None
        to, attachments = take_party(fields), _take_attachments(fields, context)
        subject = None
        if template is not None and thread is not None:
            subject = _subject(template, thread, fields, context)
        if template is None or subject is None or thread is None:
            context.cadence.broken_emails.add(context.name)
            return None
        step = cls(
            step_id=context.step_id,
            place=context.place,
            timing=timing,
            template=template,
            subject=subject,
            thread_with=thread.name,
            starts=thread.starts,
            attachments=attachments,
            to=to,
        )
        context.cadence.emails.setdefault(context.name, []).append(step)
        return step


@dataclass(frozen=True, kw_only=True)
class _Thread:
    """The thread in which a mail stands. name: of the step that began it; None: the mail itself."""

    name: str | None = None
    starts: Mapping[str, Variants[EmailTemplate]] = field(default_factory=dict)


def _take_thread(fields: Fields, context: StepContext) -> _Thread | None:
    """The thread that `thread` names; None once a wrong one is reported."""
    thread = fields.text("thread")
    if thread is None or thread.value == "new":
        return _Thread()
    broken = context.cadence.broken_emails
    # The variants of one step are no mails above each other.
    emails = {name: of for name, of in context.cadence.emails.items() if name != context.name}
    if thread.value == "reply" and emails:
        return _thread_of(next(reversed(emails)), emails)
    if thread.value in emails:
        return _thread_of(thread.value, emails)
    if thread.value == "reply" and not broken:
        fields.problem("thread", "there is no mail above this one to reply to; remove `thread`")
    elif thread.value != "reply" and thread.value not in broken:
        fields.problem(
            "thread",
            f"`{thread.value}` is no mail above this one{did_you_mean(thread.value, emails)}; "
            "write `new`, `reply`, or the name of such a step",
        )
    return None


def _thread_of(name: str, emails: Mapping[str, Sequence[EmailStep]]) -> _Thread:
    """The thread in which the mails of a step stand, each by variant."""
    starts: dict[str, Variants[EmailTemplate]] = {}
    began = name
    for step in emails[name]:
        starts.update(step.starts or {step.step_id: step.template})
        began = step.thread_with or began
    return _Thread(name=began, starts=starts)


def _subject(
    template: Variants[EmailTemplate], thread: _Thread, fields: Fields, context: StepContext
) -> Variants[EmailTemplate] | None:
    """The mail whose subject this one has."""
    if thread.starts:
        for variant in template.every.values():
            if variant.subject is not None:
                fields.problem(
                    "thread",
                    f"`{context.name}` replies in a thread and takes its subject from there; "
                    f"remove `subject` from {variant.place.file}",
                )
        return next(iter(thread.starts.values()))
    bare = [variant for variant in template.every.values() if variant.subject is None]
    for variant in bare:
        context.cadence.reporter.problem(
            variant.place,
            f"this mail has no subject, and `{context.name}` begins a thread with it; "
            "write `subject: …`, or `thread: reply` in the step",
        )
    return None if bare else template


def _take_attachments(fields: Fields, context: StepContext) -> Attachments | None:
    said = fields.texts("attach")
    if not said:
        return None
    return compile_attachments(said, context.cadence.files, context.cadence.reporter)
