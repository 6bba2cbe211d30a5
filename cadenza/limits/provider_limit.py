"""Limits on all accounts of one provider together, from the list `limits:`."""

from typing import ClassVar

from cadenza.abc import Draw
from cadenza.limits.rows import RowRule


class ProviderLimit(RowRule):
    """Entries with `scope: provider`."""

    scope: ClassVar = "provider"
    reasons: ClassVar = ("provider_limit",)

    def subject(self, draw: Draw) -> str | None:
        return draw.account.provider
