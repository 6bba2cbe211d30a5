"""What a cadence file says before its steps."""

from collections.abc import Mapping

from cadenza.authoring.schema.parts import (
    CADENCE,
    LOCALE,
    NAME,
    STEPS,
    TEXT,
    WORD,
    Part,
    choice,
    closed,
    keyed,
    number,
    said,
    some,
    text,
    yes,
)
from cadenza.calendars import Days
from cadenza.language.exits import EXIT_EVENTS, OBJECTIVES
from cadenza.language.windows import WINDOWED
from cadenza.model import SENDING_CHANNELS, Outcome

_WINDOW: Mapping[str, Part] = {
    "days": some("Weekdays, e.g. mon-fri.", TEXT),
    "hours": text("Hours of the prospect's zone, e.g. 09:00-17:00."),
    "holidays": choice("Whether it acts on holidays.", ("open", "closed")),
}
_ACTIONS = ("stop", "pause", "continue")
_EXIT = said(
    "What the event does.",
    {
        "anyOf": [
            {"enum": [*_ACTIONS, *map(str, Outcome)]},
            closed(
                "What the event does, here and to colleagues.",
                {
                    "do": choice("What it does here.", _ACTIONS),
                    "outcome": choice("How it ends here.", Outcome),
                    "colleagues": text("stop, pause 5 days, or continue."),
                },
                ["do"],
            ),
        ]
    },
)

HEAD: Mapping[str, Part] = {
    "cadence": text("The name: small letters, digits and `-`.", CADENCE),
    "title": text("The name as people read it."),
    "objective": said(
        "The event that proves success, or a declared signal.",
        {"anyOf": [{"enum": [*map(str, OBJECTIVES)]}, {"type": "string", "pattern": WORD}]},
    ),
    "class": choice(
        "sales, or service for messages about an order or claim.", ("sales", "service")
    ),
    "locale": text("The language of texts without one of their own, e.g. en.", LOCALE),
    "days": choice("What counts as a day.", Days),
    "window": closed(
        "When it may act.",
        {
            **_WINDOW,
            **{c: closed(f"When {c} may act, if otherwise.", _WINDOW) for c in map(str, WINDOWED)},
        },
    ),
    "from": closed(
        "The groups of sender accounts.",
        {c: text(f"The group that sends {c}.") for c in map(str, SENDING_CHANNELS)},
    ),
    "values": keyed("Value propositions by name.", NAME, TEXT),
    "signals": keyed(
        "What the outside may tell, and what that does: `start`, `heard`, `end lost`, "
        "`move to <step>` or `reopen at <step>`.",
        WORD,
        {"type": "string", "pattern": r"^(start|heard|end \S+|move to \S+|reopen at \S+)$"},
    ),
    "exit": said(
        "Which events end or pause it.",
        {
            "type": "object",
            "properties": {str(event): _EXIT for event in EXIT_EVENTS},
            "patternProperties": {WORD: _EXIT},
            "additionalProperties": False,
        },
    ),
    "statuses": said(
        "Statuses as the CRM shows them; the first is where enrollments begin.",
        {
            "type": "object",
            "properties": {"field": text("The field of the CRM.")},
            "required": ["field"],
            "patternProperties": {
                r"^(?!field$)[a-z0-9][a-z0-9_-]{0,62}$": closed(
                    "One status.",
                    {
                        "from": some("The statuses before it; any if left out.", TEXT),
                        "crm": text("Its value in the CRM."),
                        "at_end": yes("Taken by itself at the end, if it may follow."),
                    },
                )
            },
            "additionalProperties": False,
        },
    ),
    "require": keyed(
        "What a rep must have done before they set an outcome or status.",
        NAME,
        some("E.g. `2 follow-up emails`, `1 call`, `subject.invoice_date is set`.", TEXT),
    ),
    "experiments": keyed(
        "Experiments, each with its variants and their weights.",
        NAME,
        keyed("Variants and their weights.", NAME, number("Weight.", 1, 1000)),
    ),
    "segments": keyed(
        "Tables that sort people.",
        WORD,
        closed(
            "One table.",
            {
                "by": text("The field that is looked up, e.g. prospect.country."),
                "table": text("The file, e.g. segments/regions.csv."),
            },
            ["by", "table"],
        ),
    ),
    "enroll": closed(
        "Who may begin, and how many.",
        {
            "identity": some("What makes two prospects one.", {"enum": ["id", "email", "phone"]}),
            "again": text("never, always, or after 90 days."),
            "exclusive": said(
                "Not while in another cadence of its class; or a list of cadences.",
                {"anyOf": [yes("All of its class."), {"type": "array", "items": TEXT}]},
            ),
            "cooldown": text("Time since the last touch from anyone, e.g. 14 days."),
            "per_day": number("How many begin a day, at most.", 1, 999_999),
            "active": number("How many are active, at most.", 1, 999_999),
            "when_full": choice("Give a later date, or refuse.", ("date", "refuse")),
        },
    ),
    "steps": said("The steps, in order.", STEPS),
}
"""The keys of a cadence file → what stands there."""
