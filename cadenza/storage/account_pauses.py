"""Accounts that rest: by hand, or because too much of what they sent came back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.accounts import Record
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Since when and why an account rests. retired: for good. source: `by_hand` or a rate."""

    account: str
    retired: bool
    reason: str
    source: str
    paused_at: datetime
    resumed_at: datetime | None = None


_COLUMNS = "account, retired, reason, source, paused_at, resumed_at"


async def resting(db: Connection) -> Mapping[str, Pause]:
    """The accounts that rest now."""
    rows = await db.fetch(f"select {_COLUMNS} from account_pause where resumed_at is null")
    return {row["account"]: Pause(**row) for row in rows}


async def history(db: Connection, since: datetime | None = None) -> Sequence[Pause]:
    """Every pause that was not over at `since`, oldest first."""
    rows = await db.fetch(
        f"""select {_COLUMNS} from account_pause
        where $1::timestamptz is null or resumed_at is null or resumed_at >= $1
        order by paused_at, id""",
        since,
    )
    return [Pause(**row) for row in rows]


async def pause(tx: Connection, of: Pause) -> bool:
    """Let an account rest; False if it does already, and then at most for good from now on."""
    tag = await tx.execute(
        """insert into account_pause (account, retired, reason, source, paused_at)
        values ($1, $2, $3, $4, $5) on conflict (account) where resumed_at is null
        do update set retired = true, reason = excluded.reason, source = excluded.source
            where excluded.retired and not account_pause.retired""",
        of.account,
        of.retired,
        of.reason,
        of.source,
        of.paused_at,
    )
    return tag.endswith(" 1")


async def resume(tx: Connection, account: str, now: datetime) -> bool:
    """Let it go on; False if it did not rest."""
    tag = await tx.execute(
        "update account_pause set resumed_at = $2 where account = $1 and resumed_at is null",
        account,
        now,
    )
    return tag.endswith(" 1")


async def records(db: Connection, accounts: Mapping[str, datetime]) -> Mapping[str, Record]:
    """What came of the touches that each account sent since its moment.

    A touch counts as bounced or complained about once, however often it is
    told; one that was refused as a bounce before its body left counts as sent.
    """
    rows = await db.fetch(
        """with asked as (
            select * from unnest($1::text[], $2::timestamptz[]) as t (account, since)),
        told as (
            select t.account, e.type, count(distinct t.id) as touches,
                count(distinct t.id) filter (where t.began_at is null) as refused
            from event e join touch t on t.id = e.touch_id
            join asked a on a.account = t.account
                and coalesce(t.began_at, t.recorded_at) >= a.since
            where e.type in ('bounced', 'complained') and e.touch_id is not null
              and e.recorded_at >= (select min(since) from asked)
            group by 1, 2)
        select a.account,
            (select count(*) from touch t where t.account = a.account and t.began_at >= a.since)
                + coalesce(b.refused, 0) as sent,
            coalesce(b.touches, 0) as bounced, coalesce(c.touches, 0) as complained
        from asked a
        left join told b on b.account = a.account and b.type = 'bounced'
        left join told c on c.account = a.account and c.type = 'complained'""",
        list(accounts),
        list(accounts.values()),
    )
    return {
        row["account"]: Record(
            sent=row["sent"], bounced=row["bounced"], complained=row["complained"]
        )
        for row in rows
    }


async def accounts_of(db: Connection, touch_ids: Sequence[int]) -> set[str]:
    """The accounts from which these touches left."""
    rows = await db.fetch(
        "select distinct account from touch where id = any($1::bigint[])", touch_ids
    )
    return {row["account"] for row in rows}
