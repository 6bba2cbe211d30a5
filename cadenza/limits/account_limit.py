"""Limits on one sender account, from the list `limits:`."""

from typing import ClassVar

from cadenza.abc import Draw
from cadenza.limits.rows import RowRule


class AccountLimit(RowRule):
    """Entries with `scope: account`."""

    scope: ClassVar = "account"
    reasons: ClassVar = ("account_limit",)

    def subject(self, draw: Draw) -> str | None:
        return draw.account.id
