"""Weekdays and hours as people write them: `mon-fri`, `09:00-17:00`."""

import re
from collections.abc import Sequence

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(\d{1,2}):([0-5]\d)\s*-\s*(\d{1,2}):([0-5]\d)")
_SHORTEST_MINUTES = 60
_MIDNIGHT = 24 * 60


def words_of(text: str) -> Sequence[str]:
    """`mon-wed, sat` → its words."""
    return [word for word in re.split(r"[,\s]+", text) if word]


def parse_weekdays(words: Sequence[str]) -> frozenset[int]:
    """`mon-fri`, `sat` → numbers, 0 for Monday. Raises ValueError that says what to write."""
    found: set[int] = set()
    for word in words:
        ends = word.lower().split("-")
        if len(ends) > 2 or not set(ends) <= set(_WEEKDAYS):
            raise ValueError(f"`{word}` is no weekday; write for instance `mon-fri` or `sat`")
        first, last = _WEEKDAYS.index(ends[0]), _WEEKDAYS.index(ends[-1])
        found.update(day % 7 for day in range(first, last + (1 if last >= first else 8)))
    return frozenset(found)


def parse_hours(text: str) -> tuple[int, int]:
    """`09:00-17:00` → minutes since midnight. Raises ValueError that says what to write."""
    match = _HOURS.fullmatch(text.strip())
    if not match:
        raise ValueError(f"`{text}` are not hours; write for instance `09:00-17:00`")
    opens, closes = (int(match[n]) * 60 + int(match[n + 1]) for n in (1, 3))
    if closes > _MIDNIGHT:
        raise ValueError(f"`{text}` ends after midnight; the latest end is `24:00`")
    if closes - opens < _SHORTEST_MINUTES:
        raise ValueError(f"`{text}` is too short; a window is at least an hour long")
    return opens, closes
