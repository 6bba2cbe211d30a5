"""One calendar per place, out of what the accounts file says."""

from collections.abc import Sequence
from functools import lru_cache

import phonenumbers

from cadenza.calendars.own import Blackout, OwnCalendar
from cadenza.calendars.public_holidays import holiday_regions
from cadenza.calendars.sms_hours import all_rows, lawful_sms_hours
from cadenza.calendars.work_calendar import WorkCalendar
from cadenza.calendars.zones import possible_zones
from cadenza.model import Profile


class Calendars:
    """The calendars of a deployment. Immutable but for what it remembers; same in, same out."""

    def __init__(
        self, *, own: Sequence[OwnCalendar] = (), blackouts: Sequence[Blackout] = ()
    ) -> None:
        self._own = tuple(own)
        self._blackouts = tuple(blackouts)
        self._known: dict[tuple[str | None, str | None, tuple[str, ...]], WorkCalendar] = {}

    def of(self, profile: Profile) -> WorkCalendar:
        """The calendar that a prospect lives by: of its country, else that of its phone number."""
        return self.at(
            profile.country or country_of(profile.phone),
            profile.fields.get("region"),
            possible_zones(profile),
        )

    def at(
        self, country: str | None, region: object = None, zones: Sequence[str] = ()
    ) -> WorkCalendar:
        """The calendar of a place.

        region: as it is written, ISO 3166-2 with or without the country;
        one that is not known counts as none. zones: see `WorkCalendar`.
        """
        key = (country, known_region(country, region), tuple(zones))
        calendar = self._known.get(key)
        if calendar is None:
            calendar = self._known[key] = self._made(*key)
        return calendar

    def _made(
        self, country: str | None, region: str | None, zones: tuple[str, ...]
    ) -> WorkCalendar:
        return WorkCalendar(
            country=country,
            region=region,
            own=tuple(own for own in self._own if own.is_for(country, region)),
            blackouts=tuple(b for b in self._blackouts if b.is_for(country, region)),
            lawful=tuple(lawful_sms_hours(country, region)),
            zones=zones,
        )


@lru_cache(maxsize=65536)
def country_of(phone: str | None) -> str | None:
    """The country that an E.164 number belongs to; None if it tells none."""
    if phone is None:
        return None
    return phonenumbers.region_code_for_number(phonenumbers.parse(phone))


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
