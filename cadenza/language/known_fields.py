"""Fields as conditions and requirements name them: `prospect.country`, `subject.invoice_date`."""

import re
from dataclasses import dataclass
from typing import Any

from cadenza.model import Profile

ROOTS = ("prospect", "company", "subject")

FIELD = r"(?P<root>prospect|company|subject)\.(?P<field>\w{1,63})"
"""Matches a field in a sentence."""

_OF_PROFILE = ("email", "phone", "country", "locale", "time_zone")
_FIELD = re.compile(FIELD)


@dataclass(frozen=True, kw_only=True)
class FieldName:
    """A field of the prospect, of the company, or of what the enrollment is about."""

    root: str
    name: str

    def __str__(self) -> str:
        return f"{self.root}.{self.name}"

    def value(self, profile: Profile) -> Any:
        """What is known; None: nothing. The prospect's fields cannot hide the profile's own."""
        match self.root:
            case "prospect":
                own = getattr(profile, self.name) if self.name in _OF_PROFILE else None
                return profile.fields.get(self.name) if own is None else own
            case "company":
                # A prospect's `company` is its name, where nothing else is known of it.
                known = profile.company.get(self.name)
                unnamed = self.name == "name" and not known
                return profile.fields.get("company") if unnamed else known
            case _:
                return profile.subject.get(self.name)

    def text(self, profile: Profile) -> str:
        """The same as text, without blanks around it; empty: nothing."""
        value = self.value(profile)
        return "" if value is None else str(value).strip()


def parse_field(text: str) -> FieldName | None:
    """`company.size` → a field; None if it is none."""
    match = _FIELD.fullmatch(text)
    return FieldName(root=match["root"], name=match["field"]) if match else None
