"""`email: intro` sends the mail template of that name."""

from dataclasses import dataclass
from typing import ClassVar

from cadenza.language.email_template import EmailTemplate, RenderedEmail
from cadenza.language.fields import Fields
from cadenza.language.source import did_you_mean
from cadenza.language.step_context import StepContext
from cadenza.language.template import Template, Variables
from cadenza.language.timing import Timing
from cadenza.model import Channel, EventType, Profile
from cadenza.steps.touch import TouchStep

_REPLY_PREFIX = "Re: "


@dataclass(frozen=True, kw_only=True)
class EmailStep(TouchStep):
    """A mail. thread_with: the step that began the thread in which it replies; None: its own."""

    name: ClassVar[str] = "email"
    keys: ClassVar[frozenset[str]] = frozenset({"day", "after", "thread"})
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

    template: EmailTemplate
    subject: Template
    thread_with: str | None

    def can_reach(self, profile: Profile) -> bool:
        return profile.email is not None

    def render(self, variables: Variables, *, in_thread: bool = True) -> RenderedEmail:
        """Fill the mail.

        in_thread: False if nothing of its thread was sent to this prospect:
        the mail then begins the thread itself, and its subject has no `Re:`.
        Raises MissingVariable, RenderError.
        """
        replies = self.thread_with is not None and in_thread
        prefix = _REPLY_PREFIX if replies else ""
        return self.template.render(variables, subject=self.subject, prefix=prefix)

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "EmailStep | None":
        name = fields.text("email")
        timing = Timing.take(fields, context.days)
        thread = _take_thread(fields, context)
        template = context.cadence.email_template(name) if name else None
        subject = None
        if template is not None and thread is not _WRONG:
            subject = _subject(template, thread, fields, context)
        if template is None or subject is None:
            context.cadence.broken_emails.add(context.step_id)
            return None
        step = cls(
            step_id=context.step_id,
            place=context.place,
            timing=timing,
            template=template,
            subject=subject,
            thread_with=thread.step_id if isinstance(thread, EmailStep) else None,
        )
        context.cadence.emails[step.step_id] = step
        return step


_NEW = "new"
_WRONG = "wrong"


def _take_thread(fields: Fields, context: StepContext) -> EmailStep | str:
    """The mail that began the thread which `thread` names, or `new`, or `wrong` once reported."""
    thread = fields.text("thread")
    if thread is None or thread.value == _NEW:
        return _NEW
    emails, broken = context.cadence.emails, context.cadence.broken_emails
    if thread.value == "reply" and emails:
        named = next(reversed(emails.values()))
        return emails[named.thread_with] if named.thread_with else named
    if thread.value in emails:
        named = emails[thread.value]
        return emails[named.thread_with] if named.thread_with else named
    if thread.value == "reply" and not broken:
        fields.problem("thread", "there is no mail above this one to reply to; remove `thread`")
    elif thread.value != "reply" and thread.value not in broken:
        fields.problem(
            "thread",
            f"`{thread.value}` is no mail above this one{did_you_mean(thread.value, emails)}; "
            "write `new`, `reply`, or the name of such a step",
        )
    return _WRONG


def _subject(
    template: EmailTemplate, thread: EmailStep | str, fields: Fields, context: StepContext
) -> Template | None:
    if isinstance(thread, EmailStep):
        if template.subject is not None:
            fields.problem(
                "thread",
                f"`{context.step_id}` replies in a thread and takes its subject from there; "
                f"remove `subject` from {template.place.file}",
            )
        return thread.subject
    if template.subject is None:
        context.cadence.reporter.problem(
            template.place,
            f"this mail has no subject, and `{context.step_id}` begins a thread with it; "
            "write `subject: …`, or `thread: reply` in the step",
        )
    return template.subject
