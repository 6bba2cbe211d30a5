"""Limits on what goes to the people of one company together."""

from typing import ClassVar

from cadenza.abc import Draw
from cadenza.limits.rows import RowRule, hashed


class CompanyLimit(RowRule):
    """Entries with `scope: company`."""

    scope: ClassVar = "company"
    reasons: ClassVar = ("company_limit",)
    looks_at: ClassVar = "company"

    def subject(self, draw: Draw) -> str | None:
        return draw.company

    def name_of(self, subject: str) -> str:
        return hashed(subject)
