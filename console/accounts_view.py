"""How the sender accounts stand: what they sent today, and which of them rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.accounts import Accounts, Record, SenderAccount
from cadenza.pacing.account_day import account_day
from cadenza.storage import account_pauses, quotas
from cadenza.storage.account_pauses import Pause
from cadenza.storage.database import Connection

_NOTHING = Record(sent=0, bounced=0, complained=0)


@dataclass(frozen=True, kw_only=True)
class AccountLine:
    """One account. state: `active`, `paused` or `retired`; since, reason: if it rests.

    used, cap: touches of its calendar day. sent, bounced, complained: in
    the window by which its health is judged.
    """

    id: str
    channel: str
    provider: str
    group: str
    owner: str | None
    weight: float
    state: str
    since: datetime | None
    reason: str | None
    source: str | None
    used: int
    cap: int
    sent: int
    bounced: int
    complained: int


async def read_accounts(db: Connection, accounts: Accounts, now: datetime) -> Sequence[AccountLine]:
    """All accounts of the file, in its order."""
    days = {a.id: account_day(accounts, a, now) for a in accounts.accounts}
    used = await quotas.used(db, [place for place, _ in days.values()])
    resting = await account_pauses.resting(db)
    records = await account_pauses.records(
        db, {a.id: now - a.health.window for a in accounts.accounts}
    )
    return [
        _line(a, used.get(days[a.id][0], 0), days[a.id][1], resting.get(a.id), records.get(a.id))
        for a in accounts.accounts
    ]


def _line(
    account: SenderAccount, used: int, cap: int, pause: Pause | None, record: Record | None
) -> AccountLine:
    record = record or _NOTHING
    resting = "retired" if pause and pause.retired else "paused"
    return AccountLine(
        id=account.id,
        channel=account.channel,
        provider=account.provider,
        group=account.group,
        owner=account.owner,
        weight=account.weight,
        state=resting if pause else "active",
        since=pause.paused_at if pause else None,
        reason=pause.reason if pause else None,
        source=pause.source if pause else None,
        used=used,
        cap=cap,
        sent=record.sent,
        bounced=record.bounced,
        complained=record.complained,
    )
