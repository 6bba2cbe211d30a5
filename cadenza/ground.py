"""What every decision about enrollments stands on."""

from dataclasses import dataclass
from typing import Self

from cadenza.accounts import Accounts
from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.slots.planning import Pacer


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The same for a whole process: nothing in it is about one enrollment.

    catalog: what the cadences say. accounts: what touches leave from, and by
    which calendars. clock: when it is. pacer: which times of accounts are free.
    """

    catalog: Catalog
    accounts: Accounts
    clock: Clock
    pacer: Pacer

    @classmethod
    def of(cls, catalog: Catalog, accounts: Accounts, clock: Clock) -> Self:
        """With a pacer of its own."""
        return cls(catalog=catalog, accounts=accounts, clock=clock, pacer=Pacer(accounts, clock))
