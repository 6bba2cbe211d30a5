"""Whatever happens in whatever order: every touch is in one place, and none is sent twice.

Hypothesis draws what a scheduler, workers that die or stall, prospects and
people do, one after the other; stalled sends go on much later. Then all is
let run to its end, and the promises are checked.
"""

import asyncio
from collections import Counter
from contextlib import suppress as ignore
from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cadenza.errors import AmbiguousSendError, PermanentSendError, TransientSendError
from cadenza.model import AddressRef, BatchId, Channel, Event, EventType, Outbound, OutboundEmail
from cadenza.recorder import DatabaseRecorder
from cadenza.steering import StillUnderWay, pause, resume, stop
from cadenza.storage import batches, prospects
from console.auditing import audit
from tests.support.pipeline import Pipeline, accounts, pipeline

PEOPLE = 3
PER_DAY = 2
FATES = ("go", "stall before", "stall before", "stall after", "stall before", "die before",
         "die after", "invalid", "busy", "vague", "break before", "break after")  # fmt: skip
TABLES = """truncate cadence, cadence_version, prospect, enrollment, due, batch, touch, journal,
    journal_generation, account_day, suppression, task, event, inbox, notification, receipt,
    receipt_row, rollup, scheduler_process restart identity cascade"""
# A touch in two places, or one step visit as two touches.
TWICE = """with places as (
        select touch_id, enrollment_id, step, visit from due
        union all select id, enrollment_id, step, visit from touch
        union all select (t->>'touch_id')::bigint, (t->>'enrollment_id')::bigint, t->>'step',
            (t->>'visit')::int from batch, jsonb_array_elements(touches) as t)
    select count(*) - count(distinct touch_id) + count(*)
        - count(distinct (enrollment_id, step, visit)) from places"""
FORBIDDEN = """select count(*) > 0 from prospect p join enrollment e on e.prospect_id = p.id
    where p.email = $1 and (e.status <> 'active'
        or exists (select 1 from suppression where key = 'email:' || p.email))"""

person = st.integers(1, PEOPLE)
fates = st.lists(st.sampled_from(FATES), min_size=PEOPLE, max_size=PEOPLE)
action = st.one_of(
    st.tuples(st.just("deliver"), fates),
    st.sampled_from(
        [("stage",), ("deliver again",), ("go on",), ("lose the worker",), ("lose the worker",),
         ("settle",), ("crash the database",), ("apply",)]
    ),
    st.tuples(
        st.sampled_from(["stop", "pause", "pause", "resume", "reply", "opt out", "forbid"]), person
    ),
)  # fmt: skip


class Death(BaseException):
    """A worker's."""


@dataclass
class Story:
    """What goes on. forbidden: touches that there was a committed reason not to begin."""

    line: Pipeline
    fates: list[str] = field(default_factory=list)
    fates_after: dict[int, str] = field(default_factory=dict)
    hinted: list[BatchId] = field(default_factory=list)
    known: list[BatchId] = field(default_factory=list)
    delivering: list[asyncio.Task[None]] = field(default_factory=list)
    stalled: list[asyncio.Event] = field(default_factory=list)
    forbidden: set[int] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    crashed: bool = False
    moves: int = 0

    async def before(self, touch: Outbound) -> None:
        fate = self.fates.pop() if self.fates else "go"
        await self._meet(fate, "before")
        if await self.line.value(FORBIDDEN, touch.recipient):
            self.forbidden.add(touch.touch_id)
        error = {
            "invalid": PermanentSendError("no such user", code="550", recipient_invalid=True),
            "busy": TransientSendError("busy", code="451"),
            "vague": AmbiguousSendError("no answer"),
        }.get(fate)
        if error is not None:
            raise error
        if fate.endswith("after"):
            self.fates_after[touch.touch_id] = fate

    async def after(self, touch: Outbound) -> None:
        if touch.touch_id in self.forbidden:
            self.broken.append(f"touch {touch.touch_id} began with a reason to stop committed")
        await self._meet(self.fates_after.pop(touch.touch_id, "go"), "after")

    async def _meet(self, fate: str, when: str) -> None:
        self.moves += 1
        if fate == f"stall {when}":
            self.stalled.append(asyncio.Event())
            await self.stalled[-1].wait()
        elif fate == f"die {when}":
            raise Death
        elif fate == f"break {when}":
            raise ZeroDivisionError

    async def quiet(self) -> None:
        """Until nothing moves but what is stalled."""
        while True:
            moves = self.moves
            _, busy = await asyncio.wait(self.delivering, timeout=0.02)
            if not busy or (self.stalled and moves == self.moves):
                return

    async def deliver(self, batch_ids: list[BatchId]) -> None:
        for batch_id in batch_ids:
            self.delivering.append(asyncio.create_task(self._deliver(batch_id)))
        if batch_ids:
            await self.quiet()

    async def _deliver(self, batch_id: BatchId) -> None:
        with ignore(BaseExceptionGroup):
            await self.line.delivery.deliver(batch_id)

    async def go_on(self) -> None:
        stalled, self.stalled = self.stalled, []
        for event in stalled:
            event.set()
        if self.delivering:
            await self.quiet()

    async def act(self, what: str, *of: object) -> None:
        line = self.line
        match what, of:
            case "stage", ():
                await self.stage()
            case "deliver", (list() as fates,):
                await self.stage()
                self.fates = fates
                hinted, self.hinted = self.hinted, []
                await self.deliver(hinted)
            case "deliver again", ():
                await self.deliver(list(self.known))
            case "go on", ():
                await self.go_on()
            case "lose the worker", ():
                async with line.database.transaction() as tx:
                    await batches.expire_worker(tx, "worker")
                await line.scheduler._keep_house()
            case "settle", ():
                await line.scheduler._keep_house()
            case "crash the database", ():
                self.crashed = True
                await line.execute("truncate journal, journal_generation")
            case "apply", ():
                await line.applier.apply_all()
            case _, (int() as n,):
                await self._happen(what, n)

    async def stage(self) -> None:
        """Wait until all that is planned for a day is due."""
        line = self.line
        moment = await line.value(
            """select max(due_at) from due
            where due_at < (select min(due_at) from due) + interval '1 day'"""
        )
        if moment is not None:
            line.clock.advance(max(timedelta(), moment - line.clock.now()))
        released = await line.release()
        self.hinted += released
        self.known += released

    async def _happen(self, what: str, n: int) -> None:
        line, address = self.line, f"p{n}@example.com"
        if what in ("reply", "opt out"):
            kind = EventType.REPLIED if what == "reply" else EventType.UNSUBSCRIBED
            event = Event(
                source="test",
                external_id=f"{kind}-{n}",
                type=kind,
                occurred_at=line.clock.now(),
                about=[AddressRef(channel=Channel.EMAIL, address=address)],
            )
            await DatabaseRecorder(line.database, line.clock).record([event])
            return
        async with line.database.transaction() as tx:
            people = await prospects.find(tx, address)
            if what == "resume":
                with ignore(StillUnderWay):
                    await resume(tx, people, course=line.course, clock=line.clock)
            elif what == "pause":
                await pause(tx, people, reason="r", course=line.course, clock=line.clock)
            else:
                await stop(
                    tx,
                    people,
                    reason="r",
                    do_not_contact=what == "forbid",
                    course=line.course,
                    clock=line.clock,
                )

    async def end(self) -> None:
        """Let everything that is under way come to its end."""
        self.fates.clear()
        await self.go_on()
        await asyncio.wait_for(asyncio.gather(*self.delivering), 10)
        async with self.line.database.transaction() as tx:
            await batches.expire_worker(tx, "worker")
        await self.line.scheduler._keep_house()
        await self.line.execute("update batch set hinted_at = '-infinity'")
        await self.line.execute("update inbox set not_before = '-infinity'")
        await self.line.scheduler._keep_house()
        await self.line.run(days=60)


async def check(story: Story) -> None:
    line = story.line
    assert story.broken == []
    sent = Counter(
        (mail.recipient, mail.skeleton[1])
        for mail in line.world.sent
        if isinstance(mail, OutboundEmail)
    )
    assert [what for what, times in sent.items() if times > 1] == []
    assert await line.value("select count(*) from batch") == 0
    assert await line.value("select count(*) from inbox") == 0
    assert await line.value("select count(*) from due") == 0
    assert await line.value("select count(*) from enrollment where status = 'active'") == 0
    # Who came to the end got both mails, or it is known why not.
    assert (
        await line.rows(
            """select e.id from enrollment e where outcome = 'no_response' and 2 > (
            select count(*) from touch where enrollment_id = e.id) + (
            select count(*) from jsonb_each(course->'history') as h where h.value ? 'skipped')"""
        )
        == []
    )
    # What left is in the ledger as sent or unknown.
    ledger = await line.rows(
        "select recipient, step from touch where status in ('sent', 'unknown')"
    )
    assert set(sent) <= set(ledger)
    used = await line.value("select coalesce(sum(used), 0) from account_day")
    recorded = await line.value("select count(*) from touch")
    assert used == recorded or (story.crashed and used <= recorded)
    report = await audit(line.database, line.catalog, line.accounts)
    broken = {rule: n for rule, n in report.as_json().items() if n}
    if story.crashed:  # unknown ones may not have left at all, yet each counts as sent
        broken.pop("over_cap", None)
    assert broken == {}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story_line=st.lists(action, min_size=4, max_size=16))
async def test_every_touch_is_in_one_place_and_none_is_sent_twice(
    database_url: str, redis_url: str, story_line: list[tuple[object, ...]]
) -> None:
    file = accounts(per_day=PER_DAY)
    async with pipeline(database_url, redis_url, file=file) as line:
        await line.execute(TABLES)
    async with pipeline(database_url, redis_url, file=file) as line:
        story = Story(line=line)
        line.world.before_begin, line.world.after_begin = story.before, story.after
        await line.enroll(PEOPLE)
        for what, *of in story_line:
            await story.act(str(what), *of)
            assert await line.value(TWICE) == 0, story_line
        await story.end()
        await check(story)
