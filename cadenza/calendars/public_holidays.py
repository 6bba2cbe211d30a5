"""Public holidays by country and region, from the `holidays` library.

Days that are kept instead of one that falls on a weekend are among them.
Countries that the library does not know have none.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib.metadata import version

import holidays

SOURCE = f"holidays {version('holidays')}"


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
def holiday_regions(country: str) -> Mapping[str, str]:
    """The library's regions of a country: every way to write one, upper-cased → its code."""
    if country not in holidays.list_supported_countries(include_aliases=True):
        return {}
    kind = type(holidays.country_holidays(country))
    names = {code.upper(): code for code in kind.subdivisions}
    aliases = getattr(kind, "subdivisions_aliases", {})
    return {**{alias.upper(): code for alias, code in aliases.items()}, **names}
