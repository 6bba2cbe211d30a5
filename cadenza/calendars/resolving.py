"""One calendar per place, out of what the accounts file says."""

from collections.abc import Sequence
from functools import lru_cache

import phonenumbers

from cadenza.calendars.own import Blackout, OwnCalendar
from cadenza.calendars.public_holidays import holiday_regions
from cadenza.calendars.sms_hours import all_rows, lawful_sms_hours
from cadenza.calendars.work_calendar import WorkCalendar
from cadenza.calendars.zones import possible_zones, zones_by_number
from cadenza.model import Profile

# Satellites and freephone over all countries; and what is no country code at all.
_NO_COUNTRY = ("001", "ZZ")

_Number = tuple[str | None, tuple[str, ...]]
_Key = tuple[str | None, str | None, tuple[str, ...], _Number | None]


class Calendars:
    """The calendars of a deployment. Immutable but for what it remembers; same in, same out."""

    def __init__(
        self, *, own: Sequence[OwnCalendar] = (), blackouts: Sequence[Blackout] = ()
    ) -> None:
        self._own = tuple(own)
        self._blackouts = tuple(blackouts)
        self._known: dict[_Key, WorkCalendar] = {}

    def of(self, profile: Profile) -> WorkCalendar:
        """The calendar that a prospect lives by: of its country, else that of its phone number."""
        return self.where(
            profile.country,
            profile.phone,
            profile.time_zone,
            region=profile.fields.get("region"),
            zones=possible_zones(profile),
        )

    def where(
        self,
        country: str | None,
        phone: str | None,
        zone: str,
        *,
        region: object = None,
        zones: Sequence[str] = (),
    ) -> WorkCalendar:
        """The calendar of somebody in `country`, if that is known, with this E.164 number.

        zone: in which they live, and so the number too if it allows that.
        """
        belongs = country_of(phone)
        if country is None or phone is None or belongs in (None, country):
            return self.at(country or belongs, region, zones)
        return self.at(
            country, region, zones, number=(belongs, tuple(zones_by_number(phone, zone)))
        )

    def at(
        self,
        country: str | None,
        region: object = None,
        zones: Sequence[str] = (),
        *,
        number: _Number | None = None,
    ) -> WorkCalendar:
        """The calendar of a place.

        region: as it is written, ISO 3166-2 with or without the country;
        one that is not known counts as none. zones: see `WorkCalendar`.
        number: the other country that a phone number belongs to, with its zones.
        """
        if number is not None and not lawful_sms_hours(number[0], None):
            number = None
        key = (country, known_region(country, region), tuple(zones), number)
        calendar = self._known.get(key)
        if calendar is None:
            calendar = self._known[key] = self._made(*key)
        return calendar

    def _made(
        self,
        country: str | None,
        region: str | None,
        zones: tuple[str, ...],
        number: _Number | None,
    ) -> WorkCalendar:
        return WorkCalendar(
            country=country,
            region=region,
            own=tuple(own for own in self._own if own.is_for(country, region)),
            blackouts=tuple(b for b in self._blackouts if b.is_for(country, region)),
            lawful=tuple(lawful_sms_hours(country, region)),
            zones=zones,
            number=self.at(number[0], None, number[1]) if number else None,
        )


@lru_cache(maxsize=65536)
def country_of(phone: str | None) -> str | None:
    """The country that an E.164 number belongs to; None if it tells none.

    Of a number that is in no numbering plan, which may only be newer than
    ours, it is the chief country of its code: +1 is bound by the law of the
    United States, whatever follows.
    """
    if phone is None:
        return None
    number = phonenumbers.parse(phone)
    country = phonenumbers.region_code_for_number(number)
    country = country or phonenumbers.region_code_for_country_code(number.country_code or 0)
    return None if country in _NO_COUNTRY else country


def known_region(country: str | None, region: object) -> str | None:
    """The region's code without its country; None for what no table knows."""
    if country is None or not isinstance(region, str) or not region:
        return None
    code = region.upper().removeprefix(f"{country}-")
    return _regions(country).get(code)


@lru_cache(maxsize=1024)
def _regions(country: str) -> dict[str, str]:
    lawful = {row.region: row.region for row in all_rows() if row.country == country and row.region}
    return {**lawful, **holiday_regions(country)}
