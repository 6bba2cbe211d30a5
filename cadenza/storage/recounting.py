"""Lets counters know what left before they were asked for: under another accounts file.

A limit that is new, or that is counted in another zone from now on, has no
counter yet for the window that runs. It would begin at nothing, and let
through once more what left already. So whoever counts looks at the ledger
once, before it takes the first place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cadenza.abc import Draw
from cadenza.accounts import MOST_PER_DAY, Accounts
from cadenza.limits import LimitRules
from cadenza.pacing.caps import Cap
from cadenza.storage.database import Connection
from cadenza.storage.quotas import forget_at


@dataclass(frozen=True)
class _Counted:
    """A cap, and the accounts whose touches it counts."""

    cap: Cap
    accounts: list[str] = field(default_factory=list)


async def recount(tx: Connection, accounts: Accounts, rules: LimitRules, now: datetime) -> None:
    """Raise counters of the windows that run to what the ledger and the journal say.

    Never lowers one: places that are taken and not used yet are in no ledger.
    Limits by recipient (domain, company) and on invitations are not among
    these; they count from when they are first asked for.
    """
    asked = [
        (counted, start, end)
        for _, counted in sorted(_by_key(accounts, rules).items())
        for start, end in _running(counted.cap, now)
    ]
    if not asked:
        return
    await tx.execute(
        """insert into quota_use (key, window_start, used, cap, forget_at)
        select k, s, n, c, f
        from unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::int[],
            $5::timestamptz[], $6::text[]) as t (k, s, e, c, f, a)
        cross join lateral (select
            (select coalesce(sum(segments), 0) from touch
                where account = any(string_to_array(a, ',')) and began_at >= s and began_at < e)
            + (select coalesce(sum(coalesce((answer->>'segments')::int, 1)), 0)
                from journal where kind = 'begin' and at >= s and at < e
                and answer->>'account' = any(string_to_array(a, ','))) as n) as counted
        where n > 0 order by k, s
        on conflict (key, window_start) do update
            set used = greatest(quota_use.used, excluded.used)
            where quota_use.used < excluded.used""",
        [counted.cap.key for counted, _, _ in asked],
        [start for _, start, _ in asked],
        [end for _, _, end in asked],
        [counted.cap.limit_at(start) for counted, start, _ in asked],
        [forget_at(counted.cap, start, end) for counted, start, end in asked],
        [",".join(counted.accounts) for counted, _, _ in asked],
    )


def _by_key(accounts: Accounts, rules: LimitRules) -> Mapping[str, _Counted]:
    found: dict[str, _Counted] = {}
    for account in accounts.accounts:
        for cap in rules.sender_caps(Draw(account=account)):
            if cap.at_most < MOST_PER_DAY:
                found.setdefault(cap.key, _Counted(cap)).accounts.append(account.id)
    return found


def _running(cap: Cap, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The bucket of `now`, and those before it that count with it."""
    start, end = cap.window.bucket(now)
    for earlier in range(cap.window.earlier, -1, -1):
        yield start - earlier * (end - start), end - earlier * (end - start)
