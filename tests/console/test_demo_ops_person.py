"""The demo's ops person: what they pause at random moments, they let go on again."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from cadenza.storage import account_pauses
from cadenza.storage.account_pauses import Pause
from console.demo.ops_person import DEEDS, OpsPerson
from tests.support.pipeline import MONDAY, Pipeline, accounts, pipeline

DAY = timedelta(days=1)
START = MONDAY - timedelta(hours=10)  # at midnight


@pytest.fixture
async def line(database_url: str, redis_url: str) -> AsyncIterator[Pipeline]:
    """Eight people and three mailboxes, the first of which notifies owners."""
    file = accounts(count=3)
    organisation = file.organisation.model_copy(update={"notify_from": "mail-0"})
    file = file.model_copy(update={"organisation": organisation})
    async with pipeline(database_url, redis_url, file=file) as made:
        await made.enroll(8)
        yield made


def person(line: Pipeline, *, seed: int = 1, per_day: float = 3) -> OpsPerson:
    return OpsPerson(
        database=line.database,
        course=line.course,
        clock=line.clock,
        per_day=per_day,
        seed=seed,
        start=START,
    )


async def work(line: Pipeline, ops: OpsPerson, days: float) -> list[datetime]:
    """Let them act whenever they want to; returns when that was."""
    moments = []
    until = MONDAY + days * DAY
    while ops.next_at is not None and ops.next_at <= until:
        moments.append(ops.next_at)
        line.clock.advance(max(timedelta(), ops.next_at - line.clock.now()))
        await ops.act(line.clock.now())
    return moments


async def pauses(line: Pipeline) -> list[Pause]:
    async with line.database.connection() as db:
        return list(await account_pauses.history(db))


async def test_accounts_rest_for_hours_to_two_days_and_go_on(line: Pipeline) -> None:
    ops = person(line)
    await work(line, ops, 6)
    made = await pauses(line)
    over = [pause for pause in made if pause.resumed_at is not None]
    assert {pause.account for pause in made} == {"mail-1", "mail-2"}
    assert {pause.source for pause in made} == {"by_hand"}
    assert ops.done["accounts_paused"] == len(made) > 6
    assert ops.done["accounts_resumed"] == len(over) >= len(made) - 2
    lengths = [p.resumed_at - p.paused_at for p in over if p.resumed_at is not None]
    slack = timedelta(seconds=30)
    assert timedelta(hours=2) <= min(lengths) < max(lengths) <= timedelta(hours=48) + slack
    assert set(ops.done) == set(DEEDS)


async def test_enrollments_are_paused_and_resumed(line: Pipeline) -> None:
    ops = person(line)
    await work(line, ops, 5)
    logged = dict(
        await line.rows(
            """select kind, count(*) from course_log where kind in ('paused', 'resumed')
            group by kind"""
        )
    )
    assert logged["paused"] == ops.done["enrollments_paused"] > 6
    assert logged["resumed"] == ops.done["enrollments_resumed"]
    held = await line.value("select count(*) from enrollment where status = 'paused'")
    assert logged["paused"] - logged["resumed"] == held


async def test_an_account_that_rests_by_itself_is_let_go_on_after_a_day(line: Pipeline) -> None:
    ops = person(line, per_day=1e-6)
    async with line.database.transaction() as tx:
        made = Pause(
            account="mail-2", retired=False, reason="bounces", source="bounce_rate",
            paused_at=line.clock.now(),
        )  # fmt: skip
        await account_pauses.pause(tx, made)
    await work(line, ops, 1)
    assert ops.done["accounts_let_go_on"] == 0
    await work(line, ops, 2)
    assert ops.done["accounts_let_go_on"] == 1
    assert (await pauses(line))[0].resumed_at is not None


async def test_a_seed_decides_when_and_another_one_otherwise(line: Pipeline) -> None:
    first, same, other = (person(line, seed=seed, per_day=90).next_at for seed in (4, 4, 5))
    assert first == same != other
