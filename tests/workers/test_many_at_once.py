"""Everything at once, on the same few people: nobody waits for anybody in a circle."""

import asyncio
import itertools
import json
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from cadenza.accounts.states import pause_account
from cadenza.by_hand.steering import steer
from cadenza.catalog import apply_cadence
from cadenza.model import AddressRef, Channel, EnrollmentStatus, Event, EventType
from cadenza.recorder import DatabaseRecorder
from cadenza.slots.filling import fill_up, go_on
from tests.support.pipeline import Pipeline, accounts, pipeline

PEOPLE, ROUNDS = 30, 12
RUNNING = {EnrollmentStatus.ACTIVE, EnrollmentStatus.PAUSED}
# Each leads into the next, at once for some.
LINKED = """
cadence: {name}
objective: meeting_booked
class: {kind}
window: {{days: mon-sun, hours: "00:00-24:00", holidays: open}}
from: {{email: outreach}}
signals: {{start_{name}: start, jump: move to bye, back: reopen at bye, gone: end lost}}
exit:
  replied: {{do: stop, colleagues: pause 2 days}}
  complained: {{do: stop, colleagues: stop}}
steps:
  - step: first
    branch:
      - {{when: prospect.title is chief, go: onward}}
      - else: hello
  - step: hello
    email: hello
  - step: fork
    branch:
      - {{when: prospect.title is boss, go: onward}}
      - else: bye
  - step: bye
    email: hello
    go: done
  - step: onward
    move_to: {to}
  - step: done
    end: no_response
"""
HELLO = {"templates/hello.liquid": '---\nsubject: "Hello"\n---\nDear you.\n'}


class Crowd:
    """Who does what, each in its own transactions."""

    def __init__(self, line: Pipeline) -> None:
        self.line = line
        self.draw = random.Random(7)
        self.keys = itertools.count()

    def person(self) -> dict[str, Any]:
        n = self.draw.randrange(PEOPLE)
        title = ("boss", "clerk", "chief")[n % 3]
        company = {"name": f"firm {n % 5}", "size": self.draw.randrange(9)}
        return {"email": f"p{n}@example.com", "country": "FR", "company": company, "title": title}

    async def enroll(self) -> None:
        document = {
            "key": f"k{next(self.keys)}",
            "cadence": self.draw.choice("abc"),
            "prospects": [self.person() for _ in range(10)],
        }
        await self.line.enroller.enroll(json.dumps(document).encode())

    async def signal(self) -> None:
        names = ("jump", "back", "gone", "start_a", "start_b", "start_c")
        told = [{"signal": self.draw.choice(names), "prospect": self.person()} for _ in range(5)]
        document = {"key": f"k{next(self.keys)}", "signals": told}
        await self.line.signals.take(json.dumps(document).encode())
        await self.line.applier.apply_all()

    async def hear(self) -> None:
        kinds = (EventType.REPLIED, EventType.COMPLAINED, EventType.UNSUBSCRIBED)
        event = Event(
            source="test",
            external_id=str(next(self.keys)),
            type=self.draw.choice(kinds),
            occurred_at=self.line.clock.now(),
            about=[AddressRef(channel=Channel.EMAIL, address=self.person()["email"])],
        )
        await DatabaseRecorder(self.line.database, self.line.clock).record([event])
        await self.line.applier.apply_all()
        await self.line.execute("delete from suppression")

    async def tick(self) -> None:
        self.line.clock.advance(timedelta(minutes=10))
        await self.line.scheduler.make_pass()
        released, self.line.hints.released = self.line.hints.released, []
        await asyncio.gather(*(self.line.delivery.deliver(batch) for batch in released))

    async def decide(self) -> None:
        line, kind = self.line, self.draw.choice(("paused", "resumed", "moved"))
        statuses = {"paused": {EnrollmentStatus.ACTIVE}, "resumed": {EnrollmentStatus.PAUSED}}
        async with line.database.transaction() as tx:
            ids = [row["id"] for row in await tx.fetch("select id from enrollment limit 40")]
            await steer(
                tx,
                ids,
                kind,
                {"reason": "r", "step": "bye"},
                statuses=statuses.get(kind, RUNNING),
                even_if_busy=kind != "resumed",
                course=line.course,
                clock=line.clock,
            )

    async def rest(self) -> None:
        line = self.line
        async with line.database.transaction() as tx:
            await pause_account(tx, line.accounts, "mail-1", reason="r", clock=line.clock)
        async with line.database.transaction() as tx:
            await go_on(tx, line.ground, "mail-1")

    async def fill(self) -> None:
        async with self.line.database.transaction() as tx:
            await fill_up(tx, self.line.ground, self.line.clock.now())


async def again_and_again(act: Callable[[], Awaitable[None]]) -> None:
    for _ in range(ROUNDS):
        await act()


async def test_nobody_waits_for_anybody_in_a_circle(database_url: str, redis_url: str) -> None:
    file = accounts(per_day=500, min_gap="5 seconds", count=3)
    links = (("a", "b", "sales"), ("b", "c", "service"), ("c", "a", "sales"))
    files = [
        {f"{name}.yaml": LINKED.format(name=name, to=to, kind=kind), **HELLO}
        for name, to, kind in links
    ]
    async with pipeline(database_url, redis_url, file=file, sources=files[0]) as line:
        async with line.database.transaction() as tx:
            for sources in files[1:]:
                await apply_cadence(tx, sources, line.clock.now())
        crowd = Crowd(line)
        acts = [crowd.enroll, crowd.signal, crowd.hear, crowd.decide] * 2
        # One that is found in a circle raises here.
        await asyncio.gather(*map(again_and_again, [*acts, crowd.tick, crowd.rest, crowd.fill]))
        for _ in range(3):
            await crowd.tick()
        assert await line.value("select count(*) from enrollment") > PEOPLE
        assert await line.value("select count(*) from touch") > 0
