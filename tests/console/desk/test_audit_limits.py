"""The audit finds every kind of limit broken, by the cap and the account that counted then."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from cadenza.accounts import Accounts
from console.auditing import AuditReport, audit
from tests.support.pipeline import Pipeline, accounts, pipeline
from tests.workers.test_pacing import one_mail

HOUR = timedelta(hours=1)

# Limits that the touches of `sent` have broken: of the deployment, and of each account.
CALENDAR_LIMITS: Sequence[tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]] = (
    ((), {"per_day": 3}),
    ((), {"per_hour": 1}),
    ((), {"per_week": 5}),
    ((), {"per_month": 5}),
    (({"scope": "deployment", "at_most": 9, "per": "day"},), {}),
    (({"scope": "channel", "at_most": 9, "per": "week"},), {}),
    (({"scope": "provider", "at_most": 9, "per": "month"},), {}),
    (({"scope": "account", "match": "mail-0", "at_most": 2, "per": "day"},), {}),
    (({"scope": "domain", "at_most": 9, "per": "day"},), {}),
    (({"scope": "domain", "match": "example.com", "at_most": 9, "per": "day"},), {}),
    (({"scope": "company", "at_most": 9, "per": "day"},), {}),
)


async def found(line: Pipeline, file: Accounts | None = None) -> dict[str, int]:
    report = await judged(line, file)
    return {rule: count for rule, count in report.as_json().items() if count}


async def judged(line: Pipeline, file: Accounts | None = None) -> AuditReport:
    return await audit(line.database, line.catalog, file or line.accounts)


def limited(*rows: Mapping[str, Any], **limits: Any) -> Accounts:
    """The same accounts, with limits that were not kept."""
    file = accounts(count=2)
    said = {"per_day": 1_000, "min_gap": "none", **limits}
    document = {
        "organisation": {"name": "Northwind", "postal_address": "1 Quay Street"},
        "owners": [{"id": "anna", "name": "Anna", "email": "anna@reps.example"}],
        "accounts": [
            {
                "id": a.id,
                "channel": "email",
                "provider": "scripted",
                "address": a.address,
                "group": "outreach",
                "limits": said,
            }
            for a in file.accounts
        ],
        "limits": rows,
    }
    return Accounts.model_validate(document)


@pytest.fixture
async def sent(database_url: str, redis_url: str) -> Any:
    """Twelve people were mailed on one day from two accounts, as they should be."""
    async with pipeline(database_url, redis_url, file=accounts(count=2)) as line:
        await line.enroll(12, company="Acme")
        await line.run(days=8)
        assert await line.value("select count(*) from touch") == 24
        assert await found(line) == {}
        yield line


async def per_day(line: Pipeline, account: str = "%") -> int:
    most: int = await line.value(
        """select max(n) from (select count(*) as n from touch where account like $1
            group by account, began_at::date) as days""",
        account,
    )
    return most


async def test_every_kind_of_calendar_limit_is_judged(sent: Pipeline) -> None:
    await sent.execute("delete from quota_use")
    for rows, limits in CALENDAR_LIMITS:
        assert set(await found(sent, limited(*rows, **limits))) == {"over_cap"}, (rows, limits)


async def test_a_limit_that_touches_keep_is_not_broken(sent: Pipeline) -> None:
    day = await per_day(sent)
    rows = (
        {"scope": "domain", "match": "other.example", "at_most": 1, "per": "day"},
        {"scope": "deployment", "channel": "sms", "at_most": 1, "per": "day"},
    )
    assert await found(sent, limited(*rows, per_day=day, per_month=24)) == {}


@pytest.mark.parametrize(
    "rows", [(), ({"scope": "deployment", "at_most": 9, "per": "rolling 10 hours"},)]
)
async def test_rolling_limits_are_judged_wherever_their_window_begins(
    sent: Pipeline, rows: tuple[Mapping[str, Any], ...]
) -> None:
    limits = {} if rows else {"rolling": {"10 hours": 3}}
    assert set(await found(sent, limited(*rows, **limits))) == {"over_rolling"}


async def test_a_person_who_changed_their_account_is_found_unless_it_could_not_send(
    database_url: str, redis_url: str
) -> None:
    file = accounts(count=2)
    async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as line:
        for key in ("k", "again"):
            await line.enroll(8, key=key)
            await line.run(days=2)
        assert await found(line) == {}
        await line.execute(
            """update touch set account = case account when 'mail-0' then 'mail-1' else 'mail-0' end
            where id = (select max(id) from touch)"""
        )
        assert await found(line) == {"account_changed": 1}
        former = await line.value(
            """select account from touch where prospect_id =
                (select prospect_id from touch order by id desc limit 1) order by id limit 1"""
        )
        await line.execute(
            """insert into account_pause (account, retired, reason, source, paused_at)
            select $1, true, 'r', 'by_hand', began_at - interval '1 hour' from touch
            order by id desc limit 1""",
            former,
        )
        assert "account_changed" not in await found(line)


async def test_the_cap_that_was_in_force_counts_not_todays(sent: Pipeline) -> None:
    assert await found(sent, limited(per_day=3)) == {}
    await sent.execute("update quota_use set cap = 2 where key like 'account:%:day'")
    assert set(await found(sent, limited(per_day=3))) == {"over_cap"}
