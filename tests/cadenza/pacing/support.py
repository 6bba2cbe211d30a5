"""Accounts files and wishes for tests of planning under limits."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cadenza.abc import Draw
from cadenza.accounts import Accounts
from cadenza.calendars import Slot, Window, draw, place
from cadenza.limits import LimitRules
from cadenza.pacing.assign import Wish
from cadenza.pacing.book import SlotBook

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
WEEKDAYS = frozenset(range(5))
OFFICE = Window(weekdays=WEEKDAYS, opens=9 * 60, closes=17 * 60)


def file(*limits: dict[str, Any], **more: Any) -> Accounts:
    """An accounts file of one mailbox for each of `limits`."""
    organisation = {"name": "Acme", "postal_address": "1 Road", **more.pop("organisation", {})}
    return Accounts.model_validate(
        {
            "organisation": organisation,
            "owners": [{"id": "ada", "name": "Ada", "email": "ada@reps.example"}],
            "accounts": [
                {
                    "id": f"mail-{n}",
                    "channel": "email",
                    "provider": "smtp",
                    "address": f"a{n}@acme.example",
                    "limits": of,
                }
                for n, of in enumerate(limits)
            ],
            **more,
        }
    )


def book_of(accounts: Accounts, now: datetime = MONDAY) -> SlotBook:
    """An empty book."""
    return SlotBook(accounts, LimitRules(accounts), now)


def wish(
    accounts: Accounts,
    number: int,
    *,
    account: int = 0,
    not_before: datetime = MONDAY,
    window: Window = OFFICE,
    zone: str = "UTC",
    is_first: bool = False,
    **drawn_on: Any,
) -> Wish:
    """Touch `number` wants to leave in `window` from `not_before` on."""
    seed = draw("touch", number)

    def openings(moment: datetime) -> Slot:
        return place(window, zone, moment, drawn=0)

    wanted = place(window, zone, not_before, drawn=seed)
    return Wish(
        draw=Draw(account=accounts.accounts[account], **drawn_on),
        due_at=wanted.due_at,
        window_end=wanted.window_end,
        not_before=openings(not_before).due_at,
        openings=openings,
        drawn=seed,
        is_first=is_first,
    )


def most_within(moments: Sequence[datetime], span: timedelta) -> int:
    """How many of `moments` the fullest window of this length holds, wherever it begins."""
    ordered = sorted(moments)
    most = left = 0
    for right, moment in enumerate(ordered):
        while moment - ordered[left] >= span:
            left += 1
        most = max(most, right - left + 1)
    return most
