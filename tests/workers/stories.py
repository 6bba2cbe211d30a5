"""What a scheduler, workers that die or stall, prospects and people do, one after the other.

Stalled sends go on much later. In the end all is let run to its end, and
the promises are checked.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress as ignore
from dataclasses import dataclass, field
from datetime import timedelta

from cadenza.accounts import Accounts
from cadenza.accounts.states import AccountIsSo, pause_account
from cadenza.by_hand.steering import steer, stop
from cadenza.catalog import apply_cadence
from cadenza.errors import AmbiguousSendError, PermanentSendError, TransientSendError
from cadenza.model import (
    AddressRef,
    BatchId,
    Channel,
    EnrollmentId,
    EnrollmentStatus,
    Event,
    EventType,
    Outbound,
)
from cadenza.planner import replay
from cadenza.recorder import DatabaseRecorder
from cadenza.slots.filling import go_on
from cadenza.storage import batches, course_log, enrollments, prospects
from console.auditing import audit
from tests.support.eventually import in_time
from tests.support.pipeline import Pipeline, accounts

PEOPLE = 3
PER_DAY = 2
RUNNING = {EnrollmentStatus.ACTIVE, EnrollmentStatus.PAUSED}
FATES = ("go", "stall before", "stall before", "stall after", "stall before", "die before",
         "die after", "invalid", "busy", "vague", "break before", "break after")  # fmt: skip
# A touch in two places, or one step visit as two touches.
TWICE = """with places as (
        select touch_id, enrollment_id, step, visit from due where channel = 'email'
        union all select id, enrollment_id, step, visit from touch
        union all select (t->>'touch_id')::bigint, (t->>'enrollment_id')::bigint, t->>'step',
            (t->>'visit')::int from batch, jsonb_array_elements(touches) as t)
    select count(*) - count(distinct touch_id) + count(*)
        - count(distinct (enrollment_id, step, visit)) from places"""
# Whether there is a committed reason not to begin a touch that is in a batch.
FORBIDDEN = """select count(*) > 0 from batch b
    cross join jsonb_to_recordset(b.touches)
        as t (touch_id bigint, enrollment_id bigint, step text, visit int)
    join enrollment e on e.id = t.enrollment_id join prospect p on p.id = e.prospect_id
    where t.touch_id = $1 and (e.status <> 'active'
        or not t.step || ':' || t.visit = any (e.standing)
        or exists (select 1 from account_pause where resumed_at is null)
        or exists (select 1 from suppression where key = any(array['email:' || p.email,
            'marketing:email:' || p.email])))"""
# Who came to the end by the steps alone got every mail, or it is known why not.
LOST = """select e.id from enrollment e where outcome = 'no_response'
    and not exists (select 1 from course_log c where c.enrollment_id = e.id
        and (c.kind in ('moved', 'reopened', 'migrated') or c.event in ('jump', 'back')))
    and $1 > (select count(*) from touch where enrollment_id = e.id)
        + (select count(*) from jsonb_each(course->'history') as h where h.value ? 'skipped')"""
APPLIED_TWICE = """select (select coalesce(sum(value), 0) from rollup
        where metric like 'event:%' and metric not in ('event:jump', 'event:enough', 'event:back'))
    - (select count(*) from event where enrollment_id is not null)"""

HEAD = """
cadence: two
title: TITLE
objective: meeting_booked
days: business
window: {days: mon-fri, hours: "09:00-17:00"}
from: {email: outreach}
signals: {jump: move to again, enough: end lost, back: reopen at again}
exit:
  replied: {do: stop, colleagues: pause 2 days}
  bounced: stop
  unsubscribed: stop
  complained: {do: stop, colleagues: stop}
  meeting_booked: won
steps:
  - step: hello
    email: hello
    day: 1
"""
LANES = """
  - step: both
    parallel:
      left: [{step: note, email: hello}, {step: more, email: hello, after: 1 day}]
      right: [{step: page, email: hello}]
    join: JOIN
"""
TAIL = """
  - step: again
    email: again
    thread: hello
    after: 2 days
  - step: done
    end: no_response
"""
TEXTS = {
    "templates/hello.liquid": '---\nsubject: "Hello"\n---\nDear {{ prospect.first_name }}.\n',
    "templates/again.liquid": "---\n---\nOnce more, {{ prospect.first_name }}.\n",
}
# Name of a shape → its steps between the first and the last mail, and how many mails there are.
SHAPES = {
    "plain": ("", 2),
    "all lanes": (LANES.replace("JOIN", "all"), 5),
    "any lane": (LANES.replace("JOIN", "any"), 2),
}


def sources(shape: str, title: str = "Two") -> Mapping[str, str]:
    """The files of the cadence in this shape."""
    return {"two.yaml": HEAD.replace("TITLE", title) + SHAPES[shape][0] + TAIL, **TEXTS}


def file_of(person_gap: timedelta, min_gap: str) -> Accounts:
    """An account for few touches a day."""
    made = accounts(per_day=PER_DAY, min_gap=min_gap)
    organisation = made.organisation.model_copy(update={"person_gap": person_gap})
    return made.model_copy(update={"organisation": organisation})


class Death(BaseException):
    """A worker's."""


@dataclass
class Story:
    """What goes on. forbidden: touches that there was a committed reason not to begin."""

    line: Pipeline
    shape: str = "plain"
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
    told: int = 0

    async def before(self, touch: Outbound) -> None:
        fate = self.fates.pop() if self.fates else "go"
        await self._meet(fate, "before")
        self.forbidden.discard(touch.touch_id)
        if await self.line.value(FORBIDDEN, touch.touch_id):
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
            case "turns", ():
                line.clock.advance(timedelta(days=1))
                await line.scheduler._take_turns()
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
            case "rest" | "wake", ():
                await self.account(rests=what == "rest")
            case "migrate", ():
                await self.migrate()
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

    async def account(self, *, rests: bool) -> None:
        line = self.line
        with ignore(AccountIsSo):
            async with line.database.transaction() as tx:
                if rests:
                    await pause_account(tx, line.accounts, "mail-0", reason="r", clock=line.clock)
                else:
                    await go_on(tx, line.ground, "mail-0")

    async def migrate(self) -> None:
        """Everybody goes over to a version that says the same otherwise."""
        line = self.line
        self.told += 1
        async with line.database.transaction() as tx:
            await apply_cadence(tx, sources(self.shape, f"Version {self.told}"), line.clock.now())
            newest = await line.catalog.newest(tx, "two")
            ids = [row["id"] for row in await tx.fetch("select id from enrollment order by id")]
        await self._steer(ids, "migrated", version=newest.version_id, mapping={})

    async def _steer(self, ids: list[EnrollmentId], kind: str, **data: object) -> None:
        line = self.line
        statuses = {"paused": {EnrollmentStatus.ACTIVE}, "resumed": {EnrollmentStatus.PAUSED}}
        async with line.database.transaction() as tx:
            await steer(
                tx,
                ids,
                kind,
                {"reason": "r", **data},
                statuses=statuses.get(kind, RUNNING),
                even_if_busy=kind in ("paused", "moved"),
                course=line.course,
                clock=line.clock,
            )

    async def _happen(self, what: str, n: int) -> None:
        line, address = self.line, f"p{n}@example.com"
        if what in ("reply", "opt out", "complain"):
            kinds = {
                "reply": EventType.REPLIED,
                "opt out": EventType.UNSUBSCRIBED,
                "complain": EventType.COMPLAINED,
            }
            event = Event(
                source="test",
                external_id=f"{what}-{n}",
                type=kinds[what],
                occurred_at=line.clock.now(),
                about=[AddressRef(channel=Channel.EMAIL, address=address)],
            )
            await DatabaseRecorder(line.database, line.clock).record([event])
        elif what in ("jump", "enough", "back"):
            self.told += 1
            signal = {"signal": what, "prospect": {"email": address, "country": "FR"}}
            document = {"key": f"s{self.told}", "signals": [signal]}
            await line.signals.take(json.dumps(document).encode())
        else:
            await self._decide(what, address)

    async def _decide(self, what: str, address: str) -> None:
        line = self.line
        async with line.database.transaction() as tx:
            people = await prospects.find(tx, address)
            ids = await enrollments.of_prospects(tx, [p.prospect_id for p in people])
            if what in ("stop", "forbid"):
                ban = what == "forbid"
                await stop(
                    tx, people, reason="r", do_not_contact=ban, course=line.course, clock=line.clock
                )
                return
        theirs = sorted(i for some in ids.values() for i in some)
        match what:
            case "pause":
                await self._steer(theirs, "paused")
            case "pause for a day":
                await self._steer(theirs, "paused", days=1)
            case "resume":
                await self._steer(theirs, "resumed")
            case "move":
                await self._steer(theirs, "moved", step="again")
            case "move back":
                await self._steer(theirs, "moved", step="hello")
            case _:
                raise AssertionError(what)

    async def end(self) -> None:
        """Let everything that is under way come to its end."""
        self.fates.clear()
        await self.go_on()
        async with in_time():
            await asyncio.gather(*self.delivering)
        await self.account(rests=False)
        async with self.line.database.transaction() as tx:
            await batches.expire_worker(tx, "worker")
        await self.line.scheduler._keep_house()
        await self.line.execute("update batch set hinted_at = '-infinity'")
        await self.line.execute("update inbox set not_before = '-infinity'")
        await self.line.scheduler._keep_house()
        await self.line.run(days=120)

    async def check(self) -> None:
        """The promises. Raises AssertionError."""
        line = self.line
        assert self.broken == []
        sent = Counter(mail.touch_id for mail in line.world.sent)
        assert [touch for touch, times in sent.items() if times > 1] == []
        assert await line.value("select count(*) from batch") == 0
        assert await line.value("select count(*) from inbox") == 0
        assert await line.rows("select * from due") == []
        assert await line.value("select count(*) from enrollment where status = 'active'") == 0
        assert await line.rows(LOST, SHAPES[self.shape][1]) == []
        assert await line.value(APPLIED_TWICE) == 0
        # What left is in the ledger as sent or unknown.
        gone = "select id from touch where status in ('sent', 'unknown')"
        assert set(sent) <= {touch for (touch,) in await line.rows(gone)}
        used = await line.value(
            "select coalesce(sum(used), 0) from quota_use where key like 'account:%'"
        )
        recorded = await line.value(
            """select count(*) from touch
            where began_at is not null or status = 'unknown' or reconciled_by is not null"""
        )
        assert used == recorded or (self.crashed and used <= recorded)
        report = await audit(line.database, line.catalog, line.accounts)
        broken = {rule: n for rule, n in report.as_json().items() if n}
        if self.crashed:  # unknown ones may not have left at all, yet each counts as sent
            for rule in [*broken]:
                if rule.startswith(("over_cap", "account_", "too_close")):
                    del broken[rule]
        assert broken == {}, report.examples
        await self._check_replay()

    async def _check_replay(self) -> None:
        """The log of each enrollment leads to the state in which it is."""
        line = self.line
        async with line.database.connection() as db:
            ids = [row["id"] for row in await db.fetch("select id from cadence_version order by 1")]
            await line.catalog.load(db, ids)
            known = await enrollments.load(
                db, [row["id"] for row in await db.fetch("select id from enrollment")]
            )
            logs = {i: await course_log.read(db, i) for i in known}
        versions = {number: line.catalog[number] for number in ids}
        for i, enrollment in known.items():
            first = versions[ids[0]]
            again = replay(first, enrollment.profile, logs[i], versions, line.accounts.places.of)
            assert again == enrollment.state, (i, logs[i])
