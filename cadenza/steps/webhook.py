"""`webhook: lead.contacted` tells another system, by a signed POST."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from cadenza.language.fields import Fields
from cadenza.language.localized import Words
from cadenza.language.step_context import StepContext
from cadenza.language.template import Variables
from cadenza.language.timing import Timing
from cadenza.model import Channel, EventType
from cadenza.steps.touch import TOUCH_KEYS, TouchStep

MOST_FIELDS = 50

_EVENT = re.compile(r"[a-z][a-z0-9_]{0,62}(\.[a-z0-9_]{1,63}){0,5}")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


@dataclass(frozen=True, kw_only=True)
class WebhookStep(TouchStep):
    """Tells another system that something happened. event: what is told. texts: by field."""

    name: ClassVar[str] = "webhook"
    keys: ClassVar[frozenset[str]] = TOUCH_KEYS | {"fields"}
    channel: ClassVar[Channel] = Channel.WEBHOOK
    events: ClassVar[frozenset[EventType]] = frozenset()

    event: str
    texts: Mapping[str, Words] = field(default_factory=dict)

    def render(self, variables: Variables) -> Mapping[str, str]:
        """The fields. Raises MissingVariable, RenderError."""
        return {name: text.render(variables) for name, text in self.texts.items()}

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "WebhookStep | None":
        event = fields.name(
            "webhook", _EVENT, "write what is told as words with dots, such as `lead.contacted`"
        )
        timing = Timing.take(fields, context.days)
        texts = _take_texts(fields, context)
        if event is None or texts is None:
            return None
        return cls(
            step_id=context.step_id, place=context.place, timing=timing, event=event, texts=texts
        )


def _take_texts(fields: Fields, context: StepContext) -> Mapping[str, Words] | None:
    if "fields" not in fields:
        return {}
    said = fields.mapping("fields")
    if said is None:
        return None
    names = [*said.keys()]
    if len(names) > MOST_FIELDS:
        fields.problem("fields", f"a webhook has at most {MOST_FIELDS} fields")
        return None
    texts: dict[str, Words] = {}
    for name in names:
        if not _FIELD.fullmatch(name):
            said.reporter.problem(
                said.key_place(name),
                f"`{name}` is no name of a field; write letters, digits and `_`",
            )
            continue
        template = context.words(said, name)
        if template is not None:
            texts[name] = template
    return texts if len(texts) == len(names) else None
