"""What a step may say: its keys come from the step types, their meaning from here."""

from collections.abc import Mapping
from typing import Any

from cadenza.abc import StepType
from cadenza.authoring.schema.parts import (
    CADENCE,
    CONDITION,
    NAME,
    PARTY,
    SPAN,
    STEPS,
    TEXT,
    WORDS,
    Part,
    choice,
    closed,
    keyed,
    number,
    said,
    some,
    span,
    text,
    yes,
)
from cadenza.language.intents import CTA_SIZES, LEVERS, PURPOSES
from cadenza.language.steps import step_types
from cadenza.language.timing import LONGEST_DAYS
from cadenza.model import Outcome
from cadenza.steps.social import LONGEST, NETWORKS
from cadenza.steps.task import DISPOSITIONS

_WAIT = said(
    "Let time pass: a span, until a date in a field, or until something happens.",
    {
        "anyOf": [
            {"type": "string", "pattern": SPAN},
            closed(
                "Until the date in a field.",
                {
                    "until": text("The field, e.g. subject.renewal_date."),
                    "before": span("So long before the date."),
                    "missing": text("The step to go to when there is no date."),
                },
                ["until", "missing"],
            ),
            closed(
                "Until something is so.",
                {
                    "for": said("What is waited for.", CONDITION),
                    "at_most": span("No longer than that."),
                    "otherwise": text("The step to go to when the time is up."),
                },
                ["for"],
            ),
        ]
    },
)

_BRANCH = said(
    "The first line that holds is taken, else the last one.",
    {
        "type": "array",
        "minItems": 1,
        "items": {
            "anyOf": [
                closed(
                    "Where to go when something is so.",
                    {"when": said("What has to be so.", CONDITION), "go": text("The step.")},
                    ["when", "go"],
                ),
                closed("Where to go else; the last line.", {"else": text("The step.")}, ["else"]),
            ]
        },
    },
)

MARKS: Mapping[str, Part] = {
    "email": text("Send the mail template of this name, templates/<cadence>/<name>.liquid."),
    "sms": said("Send a text message: one text, or one per language.", WORDS),
    "social": choice("Act on a social network.", LONGEST),
    "task": choice("Ask a person to do something.", DISPOSITIONS),
    "wait": _WAIT,
    "branch": _BRANCH,
    "repeat": said("Do these steps again and again.", STEPS),
    "parallel": keyed("Lanes side by side, each a list of steps.", PARTY, STEPS),
    "move_to": text("Go on in another cadence.", CADENCE),
    "status": text("Set the status that the CRM shows.", NAME),
    "webhook": text("Tell another system, by a signed POST.", r"^[a-z0-9_]+(\.[a-z0-9_]+){0,5}$"),
    "end": choice("Finish with this outcome.", Outcome),
}
"""The key that makes a step what it is → what stands there."""

KEYS: Mapping[str, Part] = {
    "step": text("The name of the step, unique in the file.", NAME),
    "go": text("The step that comes next, if not the one below."),
    "day": number("Due on this day of the cadence, from 1.", 1, LONGEST_DAYS),
    "after": span("Due so long after the step before."),
    "variants": keyed(
        "How the step differs in the variants of one experiment.",
        NAME,
        keyed("Keys of the step, by variant.", NAME, {"type": "object"}),
    ),
    "overdue": text(
        "What happens if it could not go at its time: `send within 2 days`, `reflow`, `skip`."
    ),
    "purpose": choice("What the touch is for.", PURPOSES),
    "cta": choice("What it asks for.", CTA_SIZES),
    "lever": choice("What moves people to do it.", LEVERS),
    "value": text("The value proposition that it tells; one of `values`."),
    "thread": text("`new`, `reply`, or the mail in whose thread it replies."),
    "attach": some("Files of attachments/ beside the cadence.", TEXT),
    "to": text("Another party of the subject, e.g. vendor.", PARTY),
    "network": choice("Which social network.", NETWORKS),
    "text": said("What it says: one text, or one per language.", WORDS),
    "subject": said("The subject of an InMail.", WORDS),
    "title": said("What the task is called.", WORDS),
    "script": said("What to say.", WORDS),
    "voicemail": said("What to leave on an answering machine.", WORDS),
    "checklist": some(
        "What to tick off.",
        {
            "anyOf": [
                WORDS,
                closed(
                    "One thing to tick off.",
                    {
                        "item": said("What it says.", WORDS),
                        "mandatory": yes("Whether the task is not done without it."),
                    },
                    ["item"],
                ),
            ]
        },
    ),
    "dispositions": some("How it can go, in words such as left_voicemail.", TEXT),
    "due": text("How soon it should be done, e.g. 4 hours."),
    "for": text("A role or an owner id; else the prospect's owner does it."),
    "fields": keyed("What is told, by field.", r"^[A-Za-z][A-Za-z0-9_]{0,62}$", WORDS),
    "every": span("How long after a round the next begins."),
    "until": said("What ends it; also looked at while it waits.", CONDITION),
    "at_most": number("How many rounds.", 1, 1000),
    "join": choice("Go on when all lanes are done, or any.", ("all", "any")),
    "carry": some("Fields of the subject that go along; all if left out.", TEXT),
    "outcome": choice("How it ends here, in place of `moved`.", Outcome),
    "stay": yes("Start the other one, and go on here."),
}
"""The other keys of steps → what stands there."""

_OF_TASK: Mapping[str, Part] = {
    "wait": said(
        "How long to stay for the task: a span, `none` to go on at once, `done` until it is done.",
        {"anyOf": [{"enum": ["none", "done"]}, {"type": "string", "pattern": SPAN}]},
    )
}


def step_schemas() -> list[dict[str, Any]]:
    """One schema for each type of step, in order of their words."""
    return [_schema(step_type) for _, step_type in sorted(step_types().items())]


def _schema(step_type: type[StepType]) -> dict[str, Any]:
    name = step_type.name
    keys = ["step", *sorted(step_type.keys), *(["go"] if step_type.goes_on else [])]
    own = _OF_TASK if name == "task" else {}
    properties = {
        "step": KEYS["step"],
        name: MARKS.get(name, {}),
        **{key: own.get(key) or KEYS.get(key, {}) for key in keys},
    }
    required = ["step", name, *(["wait"] if name == "task" else [])]
    return {"title": name, **closed(f"A step of kind {name}.", properties, required)}
