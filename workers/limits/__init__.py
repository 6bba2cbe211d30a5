"""Limit rules, one file each; `rules()` finds them."""

from collections.abc import Sequence

import workers.limits
from cadenza.abc import LimitRule
from cadenza.accounts import Accounts
from cadenza.registry import find_subclasses


def rules(accounts: Accounts) -> Sequence[LimitRule]:
    """Every rule there is, for these accounts."""
    return [kind.from_accounts(accounts) for kind in find_subclasses(workers.limits, LimitRule)]  # type: ignore[type-abstract]
