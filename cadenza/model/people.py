"""Whom cadences are for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cadenza.model.ids import ProspectId


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What planning and templates know of one prospect.

    email: lower-cased address or None. phone: E.164 or None.
    profile: LinkedIn public identifier or None. time_zone: IANA name.
    country: ISO 3166-1 alpha-2. locale: BCP 47. fields: everything else
    that came with the prospect (first_name, last_name, company, title …),
    values are str, int, float, bool or None. company: the fields of the
    company, `name` among them. subject: those of what the enrollment is
    about, `id` among them. parties: the subject's other parties (a vendor,
    the payments team) by what they are called: name, email, phone, locale …
    """

    prospect_id: ProspectId
    key: str
    email: str | None
    phone: str | None
    profile: str | None
    time_zone: str
    country: str | None
    locale: str | None
    owner_id: str
    fields: Mapping[str, Any]
    company: Mapping[str, Any] = field(default_factory=dict)
    subject: Mapping[str, Any] = field(default_factory=dict)
    parties: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
