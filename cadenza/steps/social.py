"""`social: connect` and `social: message` act on a social network."""

from dataclasses import dataclass
from typing import ClassVar

from cadenza.language.fields import Fields
from cadenza.language.step_context import StepContext
from cadenza.language.template import Template, Variables
from cadenza.language.timing import Timing
from cadenza.model import Channel, EventType, Profile
from cadenza.steps.sms import plain_message
from cadenza.steps.touch import TouchStep

NETWORKS = ("linkedin",)
LONGEST = {"connect": 300, "message": 8000}
"""Characters that LinkedIn takes in an invitation and in a message."""


@dataclass(frozen=True, kw_only=True)
class SocialStep(TouchStep):
    """An invitation to connect (text optional), or a message to somebody who is connected."""

    name: ClassVar[str] = "social"
    keys: ClassVar[frozenset[str]] = frozenset({"day", "after", "network", "text"})
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
    text: Template | None

    def can_reach(self, profile: Profile) -> bool:
        return profile.profile is not None

    def render(self, variables: Variables) -> str:
        """The text; empty for an invitation without one. Raises MissingVariable, RenderError."""
        if self.text is None:
            return ""
        return plain_message(self.text.render(variables), LONGEST[self.action])

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "SocialStep | None":
        action = fields.choice("social", LONGEST)
        network = fields.choice("network", NETWORKS) if "network" in fields else NETWORKS[0]
        timing = Timing.take(fields, context.days)
        text = fields.text("text")
        if action == "message" and "text" not in fields:
            fields.problem("social", "a message has a text; write `text: …`")
        template = context.cadence.template(text) if text else None
        if action is None or network is None or (template is None and "text" in fields):
            return None
        return cls(
            step_id=context.step_id,
            place=context.place,
            timing=timing,
            network=network,
            action=action,
            text=template,
        )
