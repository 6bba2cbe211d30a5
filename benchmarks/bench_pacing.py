"""Planning 10,000 touches under all rules: accounts, times and caps, with their rows.

Fifty mailboxes with a gap of two minutes and jitter, caps by day, week and
month, a ramp, limits by provider, recipient domain, company and deployment;
prospects in four zones, wished over a working week that has room for nine
tenths of them; twenty transactions of 500, as enrollment messages come, so
the last ones find 9,500 planned. Then the same without a gap and
without caps that bind, which is what it costs whoever does not need it.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cadenza import planner
from cadenza.accounts import Accounts
from cadenza.language.cadence import Cadence
from cadenza.language.loader import compile_cadence
from cadenza.model import EnrollmentId, Profile, ProspectId
from cadenza.slots.planning import Intent, Pacer
from cadenza.storage import due
from cadenza.storage.database import Database
from cadenza.storage.migrations import upgrade
from console.embedded import embedded_servers
from console.processes import spare_the_collector
from tests.support.clocks import SetClock
from tests.support.folders import quick_folder
from tests.support.pipeline import TWO_MAILS
from tests.support.rows import enrollments

TOUCHES = 10_000
DAYS = 5
EACH = 500
ACCOUNTS = 50
ZONES = ("Europe/Paris", "Europe/London", "America/New_York", "Asia/Kolkata")
NOW = datetime(2026, 3, 2, 5, tzinfo=UTC)

CAREFUL: dict[str, Any] = {
    "min_gap": "2 minutes",
    "gap_jitter": "30%",
    "per_day": 60,
    "per_week": 280,
    "per_month": 1_100,
    "ramp": {"start": 30, "step": 10, "ceiling": 60, "since": date(2026, 3, 1)},
}
LIMITS = [
    {"scope": "domain", "at_most": 60, "per": "hour"},
    {"scope": "company", "at_most": 5, "per": "day"},
    {"scope": "deployment", "at_most": 9_000, "per": "rolling 7 days"},
]
FREE: dict[str, Any] = {"min_gap": "none", "per_day": 1_000_000}


def main() -> None:
    """Measure and print."""
    cadence = compile_cadence(TWO_MAILS)
    spare_the_collector()  # as the processes of a deployment do
    with quick_folder() as folder, embedded_servers(folder, durable=False) as servers:
        upgrade(servers.database_url)
        for name, limits, rows in (("all rules", CAREFUL, LIMITS), ("no rules", FREE, ())):
            asyncio.run(_measure(name, servers.database_url, cadence, _file(limits, rows)))


def _file(limits: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Accounts:
    return Accounts.model_validate(
        {
            "organisation": {"name": "A", "postal_address": "B", "time_zone": "Europe/Paris"},
            "owners": [{"id": "anna", "name": "Anna", "email": "anna@reps.example"}],
            "accounts": [
                {
                    "id": f"mail-{n}",
                    "channel": "email",
                    "provider": "smtp",
                    "address": f"anna{n}@send.example",
                    "group": "outreach",
                    "limits": limits,
                }
                for n in range(ACCOUNTS)
            ],
            "providers": {"smtp": {"per_day": 20_000}} if rows else {},
            "limits": rows,
        }
    )


async def _measure(name: str, url: str, cadence: Cadence, accounts: Accounts) -> None:
    clock = SetClock(NOW)
    pacer = Pacer(accounts, clock)
    async with Database(url) as database:
        async with database.transaction() as tx:
            await tx.execute("truncate enrollment, prospect, cadence, due cascade")
            ids = await enrollments(tx, TOUCHES)
            people = [row["id"] for row in await tx.fetch("select id from prospect order by id")]
        intents = [
            _intent(cadence, n, i, p) for n, (i, p) in enumerate(zip(ids, people, strict=True))
        ]
        took: list[float] = []
        here = 0.0
        stored: list[float] = []
        for first in range(0, TOUCHES, EACH):
            async with database.transaction() as tx:
                began, busy = time.perf_counter(), time.process_time()
                plans = await pacer.plans(tx, intents[first : first + EACH])
                took.append(time.perf_counter() - began)
                here += time.process_time() - busy
                await due.plan(tx, plans)
                stored.append(time.perf_counter() - began)
        async with database.connection() as db:
            last = await db.fetchval("select max(due_at) from due")
            later = await db.fetchval("select count(*) from due where reason is not null")
    micro = 1e6 / EACH
    print(
        f"  {name}: {sum(took):.2f} s for {TOUCHES:,} touches "
        f"({statistics.median(took) * micro:.0f} µs each; "
        f"the last {EACH}: {took[-1] * micro:.0f}; {here:.2f} s of processor time without "
        f"PostgreSQL's), {sum(stored):.2f} s with their rows; "
        f"{later:,} later than wished, the last on {last:%Y-%m-%d}"
    )


def _intent(cadence: Cadence, number: int, enrollment_id: int, prospect_id: int) -> Intent:
    profile = Profile(
        prospect_id=ProspectId(prospect_id),
        key=f"p{number}",
        email=f"p{number}@d{number % 400}.example",
        phone=None,
        profile=None,
        time_zone=ZONES[number % len(ZONES)],
        country=None,
        locale=None,
        owner_id="anna",
        fields={},
    )
    planned = planner.start(cadence, profile, NOW + number % DAYS * timedelta(days=1)).plans[0]
    return Intent(
        enrollment_id=EnrollmentId(enrollment_id),
        shard=number % 256,
        cadence=cadence,
        profile=profile,
        planned=replace(planned),
        company=f"company {number % 2_500}",
        is_first=number % 3 == 0,
    )


if __name__ == "__main__":
    main()
