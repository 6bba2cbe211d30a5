"""The time zone of a prospect: where it is known from, and what to do where it is not.

The first of these that leaves one zone decides; each narrows what those
before it left open, and one that contradicts them is not asked:

1. the prospect's own `time_zone`;
2. the zones of the phone number;
3. the company's: its `time_zone`, else the zones of its country;
4. the zones of the prospect's country.

Zones that keep the same time from now on, as Berlin and Büsingen do, count
as one. Never UTC for want of anything better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import phonenumbers
from phonenumbers.timezone import time_zones_for_number

from cadenza.model import Profile
from cadenza.timespec import zone, zone_info

POSSIBLE = "possible_time_zones"
"""The field of a prospect that holds its other possible zones, where several were left."""

_UNKNOWN = "Etc/Unknown"


@dataclass(frozen=True, kw_only=True)
class Whereabouts:
    """What is known of where a prospect is. phone: E.164. countries: ISO 3166-1."""

    time_zone: str | None = None
    phone: str | None = None
    country: str | None = None
    company_time_zone: str | None = None
    company_country: str | None = None


def zones_of(known: Whereabouts) -> Sequence[str]:
    """The zones that are possible, one per kept time; empty if nothing is known.

    Raises ValueError if a zone that is named is none.
    """
    if known.time_zone is not None:
        return (zone(known.time_zone),)
    left: tuple[str, ...] = ()
    for allowed in (
        _of_phone(known.phone),
        _of_company(known),
        zones_by_country().get(known.country or "", ()),
    ):
        both = tuple(name for name in left if _rule(name) in {_rule(a) for a in allowed})
        left = both or left or tuple(allowed)
        distinct = _distinct(left)
        if len(distinct) == 1:
            return distinct
    return _distinct(left)


def zones_by_number(number: str, zone_otherwise: str) -> Sequence[str]:
    """The zones that an E.164 number allows; `zone_otherwise` where it is one, or none is told."""
    zones = zones_of(Whereabouts(phone=number))
    if not zones or _rule(zone_otherwise) in map(_rule, zones):
        return (zone_otherwise,)
    return zones


def possible_zones(profile: Profile) -> Sequence[str]:
    """Zones beside its own in which a prospect may be."""
    value = profile.fields.get(POSSIBLE)
    return _split(value) if isinstance(value, str) and value else ()


@lru_cache(maxsize=4096)
def _split(value: str) -> Sequence[str]:
    return tuple(name for name in value.split() if _is_zone(name))


def _is_zone(name: str) -> bool:
    try:
        zone_info(name)
    except ValueError:
        return False
    return True


def _of_phone(phone: str | None) -> Sequence[str]:
    found = time_zones_for_number(phonenumbers.parse(phone)) if phone else ()
    return tuple(name for name in found if name != _UNKNOWN and _is_zone(name))


def _of_company(known: Whereabouts) -> Sequence[str]:
    if known.company_time_zone is not None:
        return (zone(known.company_time_zone),)
    return zones_by_country().get(known.company_country or "", ())


def _distinct(zones: Sequence[str]) -> tuple[str, ...]:
    """The first of each that keep the same time."""
    return tuple({_rule(name): name for name in reversed(zones)}.values())[::-1]


@lru_cache(maxsize=1024)
def _rule(name: str) -> str:
    """What a zone keeps to from now on: the last line of its file (RFC 9636 §3.3)."""
    path = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not path.is_file():
        return name
    return path.read_bytes().rstrip(b"\n").rpartition(b"\n")[2].decode("ascii") or name


@lru_cache(maxsize=1)
def zones_by_country() -> Mapping[str, Sequence[str]]:
    """ISO country → its zones, from the tz database's own table."""
    zones: dict[str, list[str]] = {}
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            code, _, name = line.split("\t")[:3]
            zones.setdefault(code, []).append(name)
    return zones
