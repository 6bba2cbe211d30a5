"""Two cadences on the same people, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from console.simulate.document import CHANNELS
from console.simulate.text import day_text, finish_text, table, title_of

Figure = tuple[str, int, int]
"""What it is, in this one, in the other."""


def both(this: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a comparison: both runs, and the difference of each figure that differs."""
    figures = totals(this, other)
    return {
        "this": this,
        "other": other,
        "differences": {name: mine - theirs for name, mine, theirs in figures if mine != theirs},
    }


def totals(this: Mapping[str, Any], other: Mapping[str, Any]) -> Sequence[Figure]:
    """The totals of both, name by name."""
    figures: list[Figure] = [
        ("enrolled", this["enrolled"], other["enrolled"]),
        ("touches", this["touches"]["sent"], other["touches"]["sent"]),
    ]
    by_channel = this["touches"]["by_channel"], other["touches"]["by_channel"]
    figures += _paired("touches: ", *by_channel, CHANNELS)
    figures.append(("tasks", this["tasks"], other["tasks"]))
    outcomes = sorted({*this["ends"], *other["ends"]})
    figures += _paired("ended: ", this["ends"], other["ends"], outcomes)
    figures += [
        ("still active", this["active"], other["active"]),
        ("late touches", this["late"]["touches"], other["late"]["touches"]),
    ]
    return figures


def calendar(
    this: Mapping[str, Any], other: Mapping[str, Any]
) -> Sequence[tuple[str, Mapping[str, int], Mapping[str, int]]]:
    """Every day of either run with the counts of both; empty where one has ended."""
    mine = {day["day"]: day for day in this["calendar"]}
    theirs = {day["day"]: day for day in other["calendar"]}
    return [(day, mine.get(day, {}), theirs.get(day, {})) for day in sorted({*mine, *theirs})]


def channels_of(this: Mapping[str, Any], other: Mapping[str, Any]) -> Sequence[str]:
    """The channels that either uses."""
    days = [*this["calendar"], *other["calendar"]]
    return [channel for channel in CHANNELS if any(day[channel] for day in days)]


def compared_as_text(document: Mapping[str, Any]) -> str:
    """Both runs side by side, for a terminal or a file."""
    this, other = document["this"], document["other"]
    names = names_of(this, other)
    rows = [
        [what, mine, theirs, signed(mine - theirs)] for what, mine, theirs in totals(this, other)
    ]
    channels = channels_of(this, other)
    days = [
        [day_text(day), *(counts.get(c, 0) for c in channels for counts in (mine, theirs))]
        for day, mine, theirs in calendar(this, other)
    ]
    titles = [f"{title_of(c)} {mark}" for c in channels for mark in ("A", "B")]
    parts = [
        f"A: {names[0]}: {finish_text(this)}\nB: {names[1]}: {finish_text(other)}",
        table(["", "A", "B", "A − B"], rows),
        table(["day", *titles], days),
    ]
    return "\n\n".join(parts) + "\n"


def names_of(this: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, str]:
    """What the two are called; `(other)` where they have one name."""
    if this["cadence"] == other["cadence"]:
        return this["cadence"], f"{other['cadence']} (other)"
    return this["cadence"], other["cadence"]


def signed(difference: int) -> str:
    """`+12`, `−3`, a dot for none."""
    if difference == 0:
        return "·"
    return f"+{difference:,}" if difference > 0 else f"−{-difference:,}"


def _paired(
    prefix: str, mine: Mapping[str, int], theirs: Mapping[str, int], names: Sequence[str]
) -> list[Figure]:
    return [
        (prefix + name, mine.get(name, 0), theirs.get(name, 0))
        for name in names
        if mine.get(name) or theirs.get(name)
    ]
