"""Public holidays by country and region, and weekends, from the `holidays` library.

Days that are kept instead of one that falls on a weekend are among them.
Countries that the library does not know have none.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib.metadata import version

import holidays

SOURCE = f"holidays {version('holidays')}, with weekends"
_SATURDAY_AND_SUNDAY = frozenset((5, 6))


@lru_cache(maxsize=4096)
def public_holidays(country: str, region: str | None, year: int) -> Mapping[date, str]:
    """Day → name, of one year.

    country: ISO 3166-1. region: one that `known_region` gave, or None for
    what the whole country keeps.
    """
    try:
        found = holidays.country_holidays(country, subdiv=region, years=year, language="en_US")
    except NotImplementedError:
        return {}
    return dict(found)


@lru_cache(maxsize=1024)
def weekend(country: str | None) -> frozenset[int]:
    """The weekdays on which a country rests, 0 for Monday; Saturday and Sunday if not known."""
    if country is None or country not in holidays.list_supported_countries(include_aliases=True):
        return _SATURDAY_AND_SUNDAY
    return frozenset(type(holidays.country_holidays(country)).weekend)


@lru_cache(maxsize=1024)
def holiday_regions(country: str) -> Mapping[str, str]:
    """The library's regions of a country: every way to write one, upper-cased → its code."""
    if country not in holidays.list_supported_countries(include_aliases=True):
        return {}
    kind = type(holidays.country_holidays(country))
    names = {code.upper(): code for code in kind.subdivisions}
    aliases = getattr(kind, "subdivisions_aliases", {})
    return {**{alias.upper(): code for alias, code in aliases.items()}, **names}
