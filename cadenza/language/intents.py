"""What a touch is for: `purpose`, `cta`, `lever` and `value`. Kept as data."""

from collections.abc import Mapping
from typing import cast, get_args

from cadenza.language.cadence import Intent, Lever
from cadenza.language.fields import Fields
from cadenza.language.source import did_you_mean

CTA_SIZES: Mapping[str, int] = {
    "none": 0,
    "read": 1,
    "connect": 1,
    "download": 2,
    "feedback": 2,
    "reply": 3,
    "answer": 3,
    "trial": 4,
    "call": 4,
    "meeting": 5,
    "buy": 6,
    "pay": 6,
}
"""What a touch may ask for, and how much that is."""

PURPOSES: Mapping[str, str] = {
    "get_known": "connect",
    "build_trust": "reply",
    "share_resource": "feedback",
    "explain_value": "trial",
    "learn": "answer",
    "follow_up": "reply",
    "book_meeting": "meeting",
    "close": "buy",
    "serve": "reply",
}
"""What a touch may be for → the most that it should ask for."""

LEVERS: tuple[str, ...] = get_args(Lever)

INTENT_KEYS = ("purpose", "cta", "lever", "value")


def take_intent(fields: Fields, values: frozenset[str]) -> Intent | None:
    """Read the four keys; None if the step has none of them. What is wrong is reported.

    values: the value propositions that the cadence declares.
    """
    purpose = fields.choice("purpose", PURPOSES)
    cta = fields.choice("cta", CTA_SIZES)
    lever = fields.choice("lever", LEVERS)
    value = fields.text("value")
    if value is not None and value.value not in values:
        fields.problem(
            "value",
            f"there is no value proposition `{value.value}`{did_you_mean(value.value, values)}; "
            f'declare it: `values: {{{value.value}: "…"}}`',
        )
        return None
    if not any(key in fields for key in INTENT_KEYS):
        return None
    return Intent(
        purpose=purpose,
        cta=cta,
        lever=cast(Lever | None, lever),
        value=value.value if value else None,
    )
