"""`overdue: send within 2 days`: what happens to a touch that could not go at its time."""

import re

from cadenza.calendars import Days
from cadenza.language.cadence import Overdue
from cadenza.language.fields import Fields
from cadenza.language.timing import Gap, parse_gap

_SENTENCE = re.compile(
    r"(?:send within (?P<within>.+?)(?:,? else (?P<otherwise>reflow|skip))?)"
    r"|(?P<word>reflow|skip)(?: after (?P<after>.+))?"
)


def take_overdue(fields: Fields, days: Days) -> Overdue | None:
    """Read `overdue`; None if it is not there, or wrong, which is then reported."""
    text = fields.text("overdue")
    if text is None:
        return None
    try:
        return parse_overdue(text.value, days)
    except ValueError as error:
        fields.problem("overdue", str(error))
        return None


def parse_overdue(text: str, days: Days) -> Overdue:
    """`send within 2 days`. Raises ValueError that says what to write."""
    match = _SENTENCE.fullmatch(" ".join(text.split()))
    if match is None:
        raise ValueError(
            f"`overdue: {text}` is not known; write `send within 2 days` (else it is "
            "passed over), `reflow after 2 days`, `reflow` or `skip`"
        )
    span = match["within"] or match["after"]
    within: Gap | None = parse_gap(span, days) if span else None
    word = match["word"] or match["otherwise"]
    return Overdue(within=within, otherwise="reflow" if word == "reflow" else "skip")
