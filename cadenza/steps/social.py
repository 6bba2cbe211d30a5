"""`social: connect`, `message`, `inmail`, `follow` and `view` act on a social network."""

from dataclasses import dataclass
from typing import ClassVar

from cadenza.language.fields import Fields
from cadenza.language.localized import Words
from cadenza.language.step_context import StepContext
from cadenza.language.template import Variables
from cadenza.language.timing import Timing
from cadenza.model import Channel, EventType
from cadenza.steps.sms import plain_message
from cadenza.steps.touch import TOUCH_KEYS, TouchStep

NETWORKS = ("linkedin",)
LONGEST = {"connect": 300, "message": 8000, "inmail": 1900, "follow": 0, "view": 0}
"""Characters that LinkedIn takes in the note of an invitation, a message, an InMail."""
LONGEST_SUBJECT = 200
"""Characters that LinkedIn takes in the subject of an InMail."""


@dataclass(frozen=True, kw_only=True)
class SocialStep(TouchStep):
    """One action on a social network.

    An invitation to connect (text optional), a message to somebody who is
    connected, an InMail to somebody who need not be, following, or a visit
    to the profile that its owner notices.
    """

    name: ClassVar[str] = "social"
    keys: ClassVar[frozenset[str]] = TOUCH_KEYS | {"network", "text", "subject"}
    channel: ClassVar[Channel] = Channel.SOCIAL
    events: ClassVar[frozenset[EventType]] = frozenset(
        {
            EventType.REPLIED,
            EventType.CONNECTION_ACCEPTED,
            EventType.CLICKED,
            EventType.MEETING_BOOKED,
            EventType.GOAL,
        }
    )

    network: str
    action: str
    text: Words | None
    subject: Words | None = None

    def render(self, variables: Variables) -> str:
        """The text; empty for an invitation without one. Raises MissingVariable, RenderError."""
        if self.text is None:
            return ""
        return plain_message(self.text.render(variables), LONGEST[self.action])

    def render_subject(self, variables: Variables) -> str:
        """The subject of an InMail; empty for what has none. Raises as `render` does."""
        if self.subject is None:
            return ""
        return plain_message(self.subject.render(variables), LONGEST_SUBJECT).replace("\n", " ")

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "SocialStep | None":
        action = fields.choice("social", LONGEST)
        network = fields.choice("network", NETWORKS) if "network" in fields else NETWORKS[0]
        timing = Timing.take(fields, context.days)
        text, subject = (context.words(fields, key) for key in ("text", "subject"))
        if action is not None:
            _check_texts(fields, action)
        wrong = (text is None and "text" in fields) or (subject is None and "subject" in fields)
        if action is None or network is None or wrong:
            return None
        return cls(
            step_id=context.step_id,
            place=context.place,
            timing=timing,
            network=network,
            action=action,
            text=text,
            subject=subject,
        )


_NEEDS = {"message": ("text",), "inmail": ("text", "subject")}
_MAY_HAVE = {"connect": ("text",), **_NEEDS}
_CALLED = {
    "connect": "an invitation", "message": "a message", "inmail": "an InMail",
    "follow": "following", "view": "a visit",
}  # fmt: skip


def _check_texts(fields: Fields, action: str) -> None:
    for key in _NEEDS.get(action, ()):
        if key not in fields:
            fields.problem("social", f"{_CALLED[action]} has a {key}; write `{key}: …`")
    for key in ("text", "subject"):
        if key in fields and key not in _MAY_HAVE.get(action, ()):
            fields.problem(key, f"{_CALLED[action]} has no {key}; remove it")
