"""From which account each person was touched: it stays the same, whatever the file says later."""

from collections.abc import Iterable, Mapping, Sequence

from cadenza.model import ProspectId
from cadenza.storage.database import Connection

Sticky = tuple[ProspectId, str, str]
"""Person, channel, group of accounts."""


async def known(db: Connection, people: Sequence[ProspectId]) -> Mapping[Sticky, str]:
    """The accounts from which these people were touched last."""
    rows = await db.fetch(
        """select prospect_id, channel, group_name, account from sticky_account
        where prospect_id = any($1::bigint[])""",
        people,
    )
    return {(r["prospect_id"], r["channel"], r["group_name"]): r["account"] for r in rows}


async def note(tx: Connection, touched: Iterable[tuple[Sticky, str]]) -> None:
    """They were touched from these accounts."""
    ordered = sorted(dict(touched).items())
    if ordered:
        await tx.execute(
            """insert into sticky_account (prospect_id, channel, group_name, account)
            select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[])
            on conflict (prospect_id, channel, group_name) do update set account = excluded.account
                where sticky_account.account <> excluded.account""",
            [prospect_id for (prospect_id, _, _), _ in ordered],
            [channel for (_, channel, _), _ in ordered],
            [group for (_, _, group), _ in ordered],
            [account for _, account in ordered],
        )
