"""When the law lets marketing texts arrive: `sms_hours.yaml`, read once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Any

from ruamel.yaml import YAML

from cadenza.calendars.reading import parse_hours, parse_weekdays, words_of
from cadenza.calendars.windows import Window


@dataclass(frozen=True, kw_only=True)
class LawfulHours:
    """One rule. windows: no two of one weekday. region: None for the whole country.

    on_holidays: whether public holidays are days like others. law: what
    the rule is. source: where it was read, on the day `checked`.
    """

    country: str
    region: str | None
    windows: tuple[Window, ...]
    on_holidays: bool
    law: str
    source: str
    checked: date

    def on(self, day: date) -> Window | None:
        """The hours of a day's weekday; None if it has none."""
        for window in self.windows:
            if day.weekday() in window.weekdays:
                return window
        return None


@lru_cache(maxsize=1024)
def lawful_sms_hours(country: str | None, region: str | None) -> Sequence[LawfulHours]:
    """The rules that hold at once for a prospect there.

    region: None if it is not known: then those of all the country's regions hold.
    """
    return tuple(
        row
        for row in all_rows()
        if row.country == country and (region is None or row.region in (None, region))
    )


@lru_cache(maxsize=1)
def version() -> int:
    """The number of the table, which grows with each change."""
    return int(_document()["version"])


@lru_cache(maxsize=1)
def all_rows() -> Sequence[LawfulHours]:
    """The whole table."""
    return tuple(
        LawfulHours(
            country=row["country"],
            region=row.get("region"),
            windows=tuple(_window(days, hours) for days, hours in row["hours"].items()),
            on_holidays=row.get("holidays") != "closed",
            law=row["law"],
            source=row["source"],
            checked=row["checked"],
        )
        for row in _document()["rows"]
    )


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    table = resources.files("cadenza.calendars").joinpath("sms_hours.yaml")
    document: dict[str, Any] = YAML(typ="safe", pure=True).load(table.read_text("utf-8"))
    return document


def _window(days: str, hours: str) -> Window:
    opens, closes = parse_hours(hours)
    return Window(
        weekdays=parse_weekdays(words_of(days)), opens=opens, closes=closes, on_holidays=True
    )
