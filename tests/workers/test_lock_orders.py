"""Transactions that meet wait for each other in one order, so that none waits in a circle.

Somebody holds what comes first; whoever waits for it must not hold yet
what comes later.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cadenza.abc import Draw
from cadenza.accounts.states import ACCOUNT_PAUSED, pause_account
from cadenza.authoring.applying import Candidate, apply_cadences
from cadenza.course.results import Results, commit
from cadenza.language.loader import compile_cadence
from cadenza.model import AddressRef, Channel, Event, EventType
from cadenza.recorder import DatabaseRecorder
from cadenza.slots.filling import go_on
from cadenza.storage import batches, prospects
from tests.support.eventually import eventually, in_time
from tests.support.pipeline import TWO_MAILS, Pipeline, accounts, pipeline
from tests.workers.cadences import cadence
from tests.workers.test_apply_events import SOMEBODY_WAITS
from tests.workers.test_enroll import message, person

TIMES_ARE_HELD = """select count(*) from pg_locks l join pg_database d on d.oid = l.database
    where d.datname = current_database() and locktype = 'advisory' and objid = 7239483"""
CIRCLE = """
  - step: also
    move_to: {to}
    stay: yes
  - step: rest
    wait: 30 days
  - step: done
    end: no_response
"""
FORK = """
  - step: rest
    wait: 1 day
  - step: fork
    branch:
      - {when: prospect.title is boss, go: up}
      - else: on
  - step: up
    move_to: lower
  - step: on
    move_to: higher
"""


@asynccontextmanager
async def waiting(line: Pipeline, held: str, work: Awaitable[object]) -> AsyncIterator[None]:
    """Let `work` run until it waits for the rows of `held`; it goes on after the block."""
    async with line.database.transaction() as tx:
        assert await tx.fetch(held)
        task = asyncio.ensure_future(work)
        await eventually(lambda: line.value(SOMEBODY_WAITS))
        yield
    async with in_time():
        await task


async def free(line: Pipeline, query: str) -> Sequence[int]:
    """The first column of those rows that nobody holds."""
    async with line.database.transaction() as tx:
        return [
            next(iter(row.values())) for row in await tx.fetch(f"{query} for update skip locked")
        ]


async def test_cadences_that_lead_into_each_other_at_once_are_held_in_one_order(
    line: Pipeline,
) -> None:
    for name, to in (("low", "high"), ("high", "low")):
        await line.apply(cadence(name, "", CIRCLE.format(to=to)))
    keys = itertools.count()

    async def enroll(n: int) -> None:
        name = ("low", "high")[n % 2]
        await line.enroller.enroll(message(person(n), key=f"k{next(keys)}", cadence=name))

    for n in range(0, 48, 8):
        await asyncio.gather(*(enroll(m) for m in range(n, n + 8)))
    assert await line.value("select count(*) from enrollment") == 96


async def test_who_moves_waits_for_the_first_cadence_that_others_beside_it_may_want(
    line: Pipeline,
) -> None:
    for name in ("lower", "higher"):
        await line.apply(cadence(name))
    await line.apply(cadence("mover", "", FORK))
    await line.enroller.enroll(message(person(1), key="m", cadence="mover"))
    line.clock.advance(timedelta(days=2))
    held = "select 1 from cadence where name = 'lower' for update"
    async with waiting(line, held, line.scheduler.make_pass()):
        assert len(await free(line, "select id from cadence where name = 'higher'")) == 1
    running = "select c.name from enrollment e join cadence c on c.id = cadence_id where status = "
    assert await line.rows(f"{running} 'active'") == [("higher",)]


async def test_a_batch_holds_no_times_of_accounts_while_it_waits_for_a_cadence(
    database_url: str, redis_url: str
) -> None:
    text = (
        TWO_MAILS["two.yaml"].partition("  - step: again")[0] + "  - step: on\n    move_to: next\n"
    )
    file, sources = accounts(per_day=50, min_gap="10 minutes"), {**TWO_MAILS, "two.yaml": text}
    async with pipeline(database_url, redis_url, file=file, sources=sources) as line:
        await line.enroll(2)
        await line.apply(cadence("next"))
        line.clock.advance(await line.value("select max(due_at) from due") - line.clock.now())
        (batch_id,) = await line.release()

        async def deliver() -> None:
            """One is passed over and moves on; the other is put off to a free time."""
            async with line.database.transaction() as tx:
                batch = await batches.claim(tx, batch_id, "worker", 30)
                assert batch is not None
                version = (await line.catalog.newest(tx, "two")).version_id
                first, second = batch.touches
                later = replace(second, due_at=line.clock.now() + timedelta(hours=1))
                account = file.account_by_id["mail-0"]
                profile = (await prospects.find(tx, "p2@example.com"))[0]
                openings = line.ground.pacer.openings(
                    line.catalog[version], profile, Channel.EMAIL, account
                )
                anew = {second.touch_id: (Draw(account=account), openings)}
                outcome = Results(skipped=[(first, version)], back=[later], anew=anew)
                await commit(tx, batch, outcome, line.course)

        held = "select 1 from cadence where name = 'next' for update"
        async with waiting(line, held, deliver()):
            assert await line.value(TIMES_ARE_HELD) == 0
        assert await line.value("select count(*) from due where channel = 'email'") == 1


async def test_colleagues_of_who_shares_an_address_are_held_in_one_order_with_the_others(
    line: Pipeline,
) -> None:
    """The first is a colleague of the third, who has the number of the second, who texts STOP."""
    rule = "\nexit: {unsubscribed: {do: stop, colleagues: pause 5 days}}\nenroll: {identity: [id]}"
    await line.apply(cadence("three", rule, kind="sales"))
    number = "+33612345678"
    rows = [
        {"id": "1", "company": "Acme", "country": "FR"},
        {"id": "2", "phone": number, "country": "FR"},
        {"id": "3", "phone": number, "company": "Acme", "country": "FR"},
    ]
    for row in rows:
        await line.enroller.enroll(message(row, key=row["id"], cadence="three"))
    event = Event(
        source="test",
        external_id="stop",
        type=EventType.UNSUBSCRIBED,
        occurred_at=line.clock.now(),
        about=[AddressRef(channel=Channel.SMS, address=number)],
    )
    await DatabaseRecorder(line.database, line.clock).record([event])
    held = "select 1 from enrollment where id = 1 for update"
    async with waiting(line, held, line.applier.apply_all()):
        assert await free(line, "select id from enrollment where id > 1 order by id") == [2, 3]
    assert await line.rows("select status, outcome from enrollment order by id") == [
        ("paused", None),
        ("finished", "opted_out"),
        ("finished", "opted_out"),
    ]


async def test_an_account_that_goes_on_is_held_after_the_enrollments_that_waited_for_it(
    line: Pipeline,
) -> None:
    async def rest() -> None:
        async with line.database.transaction() as tx:
            await pause_account(tx, line.accounts, "mail-0", reason="r", clock=line.clock)

    await rest()
    await line.enroll()
    await line.execute("update due set account = 'mail-0', reason = $1", ACCOUNT_PAUSED)

    async def wake() -> None:
        async with line.database.transaction() as tx:
            assert await go_on(tx, line.ground, "mail-0") == 1

    async with waiting(line, "select 1 from enrollment for update", wake()):
        assert len(await free(line, "select id from account_pause")) == 1
    assert await line.value("select resumed_at is not null from account_pause")


async def test_cadences_that_are_applied_together_are_held_in_the_order_of_all(
    line: Pipeline,
) -> None:
    for name in ("first", "second"):
        await line.apply(cadence(name))
    texts = [cadence(name, "", "  - step: end\n    end: lost\n") for name in ("second", "first")]
    candidates = [
        Candidate(path=Path("c.yaml"), sources=sources, cadence=compile_cadence(sources))
        for sources in ({"c.yaml": text} for text in texts)
    ]

    async def apply() -> None:
        async with line.database.transaction() as tx:
            assert len(await apply_cadences(tx, candidates, line.clock.now())) == 2

    async with waiting(line, "select 1 from cadence where name = 'first' for update", apply()):
        assert len(await free(line, "select id from cadence where name = 'second'")) == 1


async def test_what_begins_while_a_signal_waits_for_enrollments_is_not_waited_for(
    line: Pipeline,
) -> None:
    """The signal holds cadences by then; whoever holds the newer enrollment may want those."""
    for name in ("early", "late"):
        await line.apply(cadence(name, "\nsignals: {gone: end lost}"))
    await line.enroller.enroll(message(person(1), key="e", cadence="early"))
    told = {"key": "s", "signals": [{"signal": "gone", "prospect": person(1)}]}
    await line.signals.take(json.dumps(told).encode())
    held = "select 1 from enrollment for update"
    async with (
        line.database.transaction() as other,
        waiting(line, held, line.applier.apply_all()),
    ):
        await line.enroller.enroll(message(person(1), key="l", cadence="late"))
        assert len(await other.fetch("select 1 from enrollment where id = 2 for update")) == 1
    outcomes = [outcome for (outcome,) in await line.rows("select outcome from enrollment")]
    assert sorted(outcomes, key=str) == [None, "lost"]
