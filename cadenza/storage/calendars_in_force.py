"""Which calendars, blackouts, legal hours and windows of accounts were in force, and since when."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cadenza.accounts import Accounts
from cadenza.calendars import Calendars, OwnCalendar, Window
from cadenza.calendars.own import Blackout
from cadenza.calendars.public_holidays import SOURCE
from cadenza.calendars.sms_hours import version
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class InForce:
    """What was in force from `since` on, until the next.

    windows: account → its own. is_certain: public holidays and legal hours
    come from the same tables as today; else what they said is not known.
    """

    since: datetime
    calendars: Calendars
    windows: Mapping[str, Window]
    is_certain: bool = True


async def note(tx: Connection, accounts: Accounts, now: datetime) -> None:
    """Write down what is in force, if that changed."""
    document = json.dumps(_document(accounts), sort_keys=True)
    digest = hashlib.sha256(document.encode()).hexdigest()
    await tx.execute("lock table calendars_in_force in share row exclusive mode")
    await tx.execute(
        """insert into calendars_in_force (since, digest, document)
        select $1, $2, $3::jsonb where $2 is distinct from
            (select digest from calendars_in_force order by id desc limit 1)""",
        now,
        digest,
        document,
    )


async def all_of(db: Connection) -> Sequence[InForce]:
    """All that ever was, the oldest first."""
    rows = await db.fetch("select since, document from calendars_in_force order by id")
    return [_read(row["since"], row["document"]) for row in rows]


def of_today(accounts: Accounts, since: datetime) -> InForce:
    """What the accounts file says now."""
    return _read(since, _document(accounts))


def _document(accounts: Accounts) -> Mapping[str, Any]:
    return {
        "calendars": [calendar.model_dump(mode="json") for calendar in accounts.calendars],
        "blackouts": [b.model_dump(mode="json", by_alias=True) for b in accounts.blackouts],
        "windows": {
            account.id: {
                "weekdays": sorted(account.window.weekdays),
                "opens": account.window.opens,
                "closes": account.window.closes,
            }
            for account in accounts.accounts
            if account.window is not None
        },
        "holidays": SOURCE,
        "sms_hours": version(),
    }


def _read(since: datetime, document: Mapping[str, Any]) -> InForce:
    return InForce(
        since=since,
        calendars=Calendars(
            own=[OwnCalendar.model_validate(calendar) for calendar in document["calendars"]],
            blackouts=[Blackout.model_validate(blackout) for blackout in document["blackouts"]],
        ),
        windows={
            account: Window(
                weekdays=frozenset(said["weekdays"]),
                opens=said["opens"],
                closes=said["closes"],
                on_holidays=True,
            )
            for account, said in document["windows"].items()
        },
        is_certain=document["holidays"] == SOURCE and document["sms_hours"] == version(),
    )
