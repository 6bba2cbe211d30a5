"""What the outside may tell, and what that does: `signals: {item_returned: start}`."""

import re
from collections.abc import Mapping, Sequence

from cadenza.language.cadence import Reaction
from cadenza.language.fields import Fields
from cadenza.language.known import TOP, Check, way_check
from cadenza.language.source import Text
from cadenza.model import EventType, Outcome

MOST_SIGNALS = 50

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SENTENCE = re.compile(
    r"(?P<plain>start|heard)|end (?P<outcome>[a-z_]+)"
    r"|(?P<way>move to|reopen at) (?P<step>[a-z0-9][a-z0-9_-]*)"
)
_MEND = "write `start`, `heard`, `end lost`, `move to <step>` or `reopen at <step>`"

# Words that begin another kind of condition, or name an event.
_TAKEN = frozenset({"raw", "not", "colleague", "accepted", "done", "status", "variant", *EventType})


def take_signals(cadence: Fields) -> tuple[Mapping[str, Reaction], Sequence[Check]]:
    """Read `signals`, and what remains to be checked. What is wrong is reported."""
    fields = cadence.mapping("signals")
    if fields is None:
        return {}, ()
    names = [*fields.keys()]
    if len(names) > MOST_SIGNALS:
        cadence.problem("signals", f"a cadence has at most {MOST_SIGNALS} signals")
    signals: dict[str, Reaction] = {}
    checks: list[Check] = []
    for name in names:
        if not _NAME.fullmatch(name) or name in _TAKEN or name.startswith("colleague_"):
            why = "is an event already" if name in {*EventType} else "is no name of a signal"
            fields.reporter.problem(
                fields.key_place(name),
                f"`{name}` {why}; write small letters, digits and `_`, such as `payment_made`",
            )
        text = fields.text(name)
        reaction = _read(fields, name, text, checks) if text else None
        if reaction is not None:
            signals[name] = reaction
    return signals, checks


def _read(fields: Fields, name: str, text: Text, checks: list[Check]) -> Reaction | None:
    match = _SENTENCE.fullmatch(" ".join(text.value.split()))
    if match is None:
        fields.problem(name, f"`{name}: {text.value}` is not known; {_MEND}")
        return None
    if match["outcome"]:
        if match["outcome"] not in {*Outcome}:
            fields.problem(
                name, f"`{match['outcome']}` is no outcome; write for instance `end lost`"
            )
            return None
        return Reaction(action="end", outcome=Outcome(match["outcome"]))
    if match["step"]:
        offset = text.value.rfind(match["step"])
        step = Text(value=match["step"], place=text.at(offset))
        checks.append(way_check(step, TOP, fields.reporter))
        return Reaction(
            action="move" if match["way"] == "move to" else "reopen", step=match["step"]
        )
    return Reaction(action="start" if match["plain"] == "start" else "heard")
