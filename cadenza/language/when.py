"""Reads the sentence after `when:` into a condition."""

import re
from collections.abc import Callable

from cadenza.calendar import Days
from cadenza.language.conditions import Condition, DispositionIs, FieldIs, Happened, Reached
from cadenza.language.source import did_you_mean
from cadenza.language.timing import parse_gap
from cadenza.model import EventType

EVENTS = {
    "opened": EventType.OPENED,
    "clicked": EventType.CLICKED,
    "replied to": EventType.REPLIED,
    "replied": EventType.REPLIED,
    "auto replied": EventType.AUTO_REPLIED,
    "bounced": EventType.BOUNCED,
    "complained": EventType.COMPLAINED,
    "unsubscribed": EventType.UNSUBSCRIBED,
    "accepted": EventType.CONNECTION_ACCEPTED,
    "connection accepted": EventType.CONNECTION_ACCEPTED,
    "meeting booked": EventType.MEETING_BOOKED,
    "done": EventType.TASK_DONE,
    "goal": EventType.GOAL,
}
"""How events are called in a condition."""

_PHRASES = "|".join(phrase.replace(" ", "[ _]") for phrase in sorted(EVENTS, key=len, reverse=True))
_EVENT = re.compile(
    rf"(?P<negated>not )?(?P<phrase>{_PHRASES})"
    r"(?: (?P<step>(?!within )[a-z0-9][a-z0-9_-]*))?"
    r"(?: within (?P<within>.+))?"
)
_DISPOSITION = re.compile(
    r"disposition of (?P<step>[a-z0-9][a-z0-9_-]*) is (?P<negated>not )?(?P<values>.+)"
)
_FIELD = re.compile(r"prospect\.(?P<field>\w+) is (?P<negated>not )?(?P<values>.+)")
_REACHED = re.compile(r"(?P<step>[a-z0-9][a-z0-9_-]*) reached (?P<times>\d{1,4}) times?")

_EXAMPLES = (
    "write for instance `clicked intro within 3 days`, `disposition of first-call is connected`, "
    "`prospect.country is FR` or `reminder reached 3 times`"
)


def parse_when(text: str, days: Days) -> Condition:
    """`clicked intro within 3 days` → a condition. Raises ValueError that says what to write."""
    sentence = " ".join(text.split())
    readers: list[tuple[re.Pattern[str], Callable[[re.Match[str], Days], Condition]]] = [
        (_DISPOSITION, _disposition),
        (_FIELD, _field),
        (_REACHED, _reached),
        (_EVENT, _event),
    ]
    for pattern, read in readers:
        match = pattern.fullmatch(sentence)
        if match:
            return read(match, days)
    words = sentence.removeprefix("not ").split()
    guess = did_you_mean(words[0], EVENTS) if words else ""
    raise ValueError(f"`{text}` is not a condition{guess}; {_EXAMPLES}")


def _event(match: re.Match[str], days: Days) -> Condition:
    return Happened(
        event=EVENTS[match["phrase"].replace("_", " ")],
        step=match["step"],
        within=parse_gap(match["within"], days) if match["within"] else None,
        negated=bool(match["negated"]),
    )


def _disposition(match: re.Match[str], _: Days) -> Condition:
    return DispositionIs(
        step=match["step"], dispositions=_values(match), negated=bool(match["negated"])
    )


def _field(match: re.Match[str], _: Days) -> Condition:
    values, negated = _values(match), bool(match["negated"])
    if values in ({"set"}, {"missing"}):
        return FieldIs(
            field=match["field"], values=frozenset(), negated=negated != (values == {"missing"})
        )
    return FieldIs(field=match["field"], values=values, negated=negated)


def _reached(match: re.Match[str], _: Days) -> Condition:
    return Reached(step=match["step"], times=int(match["times"]))


def _values(match: re.Match[str]) -> frozenset[str]:
    return frozenset(value.strip(" \"'").lower() for value in match["values"].split(" or "))
