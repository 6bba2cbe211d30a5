"""Limits on what goes to one recipient domain: its servers see all of our mailboxes as one."""

from typing import ClassVar

from cadenza.abc import Draw
from cadenza.limits.rows import RowRule, hashed


class DomainLimit(RowRule):
    """Entries with `scope: domain`."""

    scope: ClassVar = "domain"
    reasons: ClassVar = ("domain_limit",)
    looks_at: ClassVar = "domain"

    def subject(self, draw: Draw) -> str | None:
        return draw.domain

    def name_of(self, subject: str) -> str:
        return hashed(subject)
