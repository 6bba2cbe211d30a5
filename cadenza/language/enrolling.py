"""Reads `enroll`: who may begin the cadence, and how many."""

import re
from datetime import timedelta
from typing import Literal, cast

from cadenza.language.cadence import EnrollPolicy
from cadenza.language.fields import Fields
from cadenza.timespec import parse_span

LONGEST = timedelta(days=3650)
MOST_PEOPLE = 999_999

_IDENTITIES = ("id", "email", "phone")
_CADENCE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DAY = timedelta(days=1)
_YES = {"yes": True, "true": True, "no": False, "false": False}


def take_policy(cadence: Fields) -> EnrollPolicy:
    """Read it; what it does not say is as in `EnrollPolicy`. What is wrong is reported."""
    fields = cadence.mapping("enroll")
    if fields is None:
        return EnrollPolicy()
    usual = EnrollPolicy()
    when_full = fields.choice("when_full", ("date", "refuse")) or usual.when_full
    policy = EnrollPolicy(
        identity=_take_identity(fields) or usual.identity,
        again=_take_again(fields) or usual.again,
        exclusive=_take_exclusive(fields),
        cooldown_days=_take_cooldown(fields),
        per_day=fields.number("per_day", 1, MOST_PEOPLE),
        active=fields.number("active", 1, MOST_PEOPLE),
        when_full="refuse" if when_full == "refuse" else "date",
    )
    fields.done()
    return policy


def _take_identity(fields: Fields) -> tuple[Literal["id", "email", "phone"], ...] | None:
    texts = fields.texts("identity") or ()
    for text in texts:
        if text.value not in _IDENTITIES:
            fields.reporter.problem(
                text.place, f"`{text.value}` identifies nobody; write `id`, `email` or `phone`"
            )
            return None
    words = dict.fromkeys(text.value for text in texts)
    return cast(tuple[Literal["id", "email", "phone"], ...], tuple(words))


def _take_again(fields: Fields) -> Literal["never", "always"] | timedelta | None:
    text = fields.text("again")
    if text is None:
        return None
    sentence = " ".join(text.value.split())
    if sentence == "never":
        return "never"
    if sentence == "always":
        return "always"
    span = _span(sentence.removeprefix("after ")) if sentence.startswith("after ") else None
    if span is None:
        fields.problem(
            "again",
            f"`again: {text.value}` is not known; write `never`, `always` or `after 90 days`",
        )
    return span


def _take_exclusive(fields: Fields) -> bool | frozenset[str]:
    if not fields.is_list("exclusive"):
        return _YES[fields.choice("exclusive", _YES) or "no"]
    texts = fields.texts("exclusive") or ()
    for text in texts:
        if not _CADENCE.fullmatch(text.value):
            fields.reporter.problem(
                text.place,
                f"`{text.value}` is no name of a cadence; write small letters, digits and `-`",
            )
    return frozenset(text.value for text in texts)


def _take_cooldown(fields: Fields) -> int:
    text = fields.text("cooldown")
    if text is None:
        return 0
    span = _span(text.value)
    if span is None:
        fields.problem(
            "cooldown", f"`cooldown: {text.value}` is not known; write days, such as `14 days`"
        )
        return 0
    return span // _DAY


def _span(text: str) -> timedelta | None:
    """Whole days, at least one; None: something else."""
    try:
        span = parse_span(text)
    except ValueError:
        return None
    return span if span % _DAY == timedelta() and _DAY <= span <= LONGEST else None
