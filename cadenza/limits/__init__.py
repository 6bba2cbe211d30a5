"""Limit rules, one file each; `LimitRules` finds them and asks them all.

A new file here with a subclass of `LimitRule` is kept by delivery, looked
at when touches are planned, judged by the audit and forecast by `cadenza
capacity`, without another line.
"""

from collections.abc import Sequence

import cadenza.limits
from cadenza.abc import Draw, LimitRule
from cadenza.accounts import Accounts
from cadenza.model import Quota
from cadenza.pacing.caps import Cap
from cadenza.registry import find_subclasses


class LimitRules:
    """Every rule there is, for one accounts file. What it answers is remembered."""

    def __init__(self, accounts: Accounts) -> None:
        rules = [kind.from_accounts(accounts) for kind in rule_types()]
        self._rules: Sequence[LimitRule] = [rule for rule in rules if not rule.is_idle()]
        self._by_account = [rule for rule in self._rules if rule.looks_at == "account"]
        self._by_domain = [rule for rule in self._rules if rule.looks_at == "domain"]
        self._by_company = [rule for rule in self._rules if rule.looks_at == "company"]
        self._known: dict[tuple[str | None, ...], Sequence[Cap]] = {}

    def quotas(self, draw: Draw) -> Sequence[Quota]:
        """The rates that the touch draws on, which Redis keeps. Pure."""
        return [quota for rule in self._rules for quota in rule.quotas(draw)]

    def caps(self, draw: Draw) -> Sequence[Cap]:
        """The caps that the touch draws on, each key once. Pure."""
        recipient = self.recipient_caps(draw)
        return (*self.sender_caps(draw), *recipient) if recipient else self.sender_caps(draw)

    @property
    def looks_at_recipients(self) -> bool:
        """Whether any cap depends on whom a touch reaches."""
        return bool(self._by_domain or self._by_company)

    def sender_caps(self, draw: Draw) -> Sequence[Cap]:
        """Those that depend on the account and what it does."""
        return self._remembered(("account", draw.account.id, draw.action), self._by_account, draw)

    def recipient_caps(self, draw: Draw) -> Sequence[Cap]:
        """Those that depend on whom it reaches."""
        channel = draw.account.channel
        found: Sequence[Cap] = ()
        if draw.domain is not None:
            found = self._remembered(("domain", channel, draw.domain), self._by_domain, draw)
        if draw.company is None:
            return found
        asked = ("company", channel, draw.company)
        return (*found, *self._remembered(asked, self._by_company, draw))

    def _remembered(
        self, asked: tuple[str | None, ...], rules: Sequence[LimitRule], draw: Draw
    ) -> Sequence[Cap]:
        found = self._known.get(asked)
        if found is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            found = tuple({cap.key: cap for rule in rules for cap in rule.caps(draw)}.values())
            self._known[asked] = found
        return found


_MOST_REMEMBERED = 20_000


def rule_types() -> Sequence[type[LimitRule]]:
    """All kinds of rules, in order of their class names."""
    return find_subclasses(cadenza.limits, LimitRule)  # type: ignore[type-abstract]


def reasons() -> Sequence[str]:
    """What touches that a rule holds are said to wait for: a closed set."""
    return sorted({reason for kind in rule_types() for reason in kind.reasons})
