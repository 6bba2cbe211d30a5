"""`sms: "Hi {{ prospect.first_name }} …"` sends a text message."""

import re
from dataclasses import dataclass
from typing import ClassVar

from cadenza.errors import RenderError
from cadenza.language.fields import Fields
from cadenza.language.localized import Words
from cadenza.language.parties import take_party
from cadenza.language.step_context import StepContext
from cadenza.language.template import Variables
from cadenza.language.timing import Timing
from cadenza.model import Channel, EventType
from cadenza.steps.touch import TOUCH_KEYS, TouchStep

LONGEST = 1600
"""Characters that a provider takes in one message (Twilio, error 21617)."""

_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def plain_message(text: str, longest: int) -> str:
    """A short message ready to go: no control characters but line breaks. Raises RenderError."""
    text = _CONTROLS.sub(" ", text).strip()
    if not text:
        raise RenderError("the message came out empty; give its fallbacks a text")
    if len(text) > longest:
        raise RenderError(f"the message came out with {len(text)} characters, over {longest}")
    return text


@dataclass(frozen=True, kw_only=True)
class SmsStep(TouchStep):
    """A text message."""

    name: ClassVar[str] = "sms"
    keys: ClassVar[frozenset[str]] = TOUCH_KEYS | {"to"}
    channel: ClassVar[Channel] = Channel.SMS
    events: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.CLICKED,
            EventType.REPLIED,
            EventType.AUTO_REPLIED,
            EventType.BOUNCED,
            EventType.UNSUBSCRIBED,
            EventType.MEETING_BOOKED,
            EventType.GOAL,
        }
    )

    text: Words

    def render(self, variables: Variables) -> str:
        """The message. Raises MissingVariable, RenderError."""
        return plain_message(self.text.render(variables), LONGEST)

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "SmsStep | None":
        template = context.words(fields, "sms")
        timing = Timing.take(fields, context.days)
        to = take_party(fields)
        if template is None:
            return None
        return cls(
            step_id=context.step_id, place=context.place, timing=timing, text=template, to=to
        )
