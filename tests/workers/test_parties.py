"""Touches of another party of the subject: whom they reach, and what comes back of them."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from cadenza.catalog import apply_cadence
from cadenza.errors import PermanentSendError
from cadenza.model import (
    AddressRef,
    Channel,
    Event,
    EventType,
    OutboundEmail,
    TouchId,
    TouchRef,
)
from cadenza.recorder import DatabaseRecorder
from cadenza.storage import events
from tests.support.pipeline import Pipeline, pipeline

_numbers = itertools.count()

CLAIM: Mapping[str, str] = {
    "claim.yaml": """
cadence: claim
objective: goal
class: service
window: {days: mon-fri, hours: "09:00-17:00"}
from: {email: outreach}
exit: {replied: stop, bounced: stop}
steps:
  - step: chase
    email: chase
    to: vendor
    day: 1
  - step: answered
    branch:
      - when: replied chase within 3 days
        go: thanks
      - else: tell
  - step: tell
    email: tell
    go: done
  - step: thanks
    email: tell
  - step: done
    end: no_response
""",
    "templates/chase.liquid": (
        '---\nsubject: "Claim {{ subject.id }}"\n---\nDear {{ party.name }},\n\nany news of '
        "{{ prospect.first_name }}'s claim?\n"
    ),
    "templates/chase.de.liquid": (
        '---\nsubject: "Schaden {{ subject.id }}"\n---\nGuten Tag {{ party.name }}.\n'
    ),
    "templates/tell.liquid": '---\nsubject: "Your claim"\n---\nDear {{ prospect.first_name }}.\n',
}
VENDOR = {"name": "Hub AG", "email": "Desk@Hub.example", "locale": "de-CH"}
STANDING = "select step, status, outcome from enrollment order by id"


@pytest.fixture
async def line(database_url: str, redis_url: str) -> AsyncIterator[Pipeline]:
    async with pipeline(database_url, redis_url, sources=CLAIM) as made:
        yield made


async def begun(line: Pipeline, party: Mapping[str, str] | None = None) -> Sequence[OutboundEmail]:
    """One claim whose vendor was written to."""
    parties = {"vendor": dict(VENDOR if party is None else party)}
    await line.enroll(subject={"id": "C-1", "parties": parties})
    await line.run(days=1)
    return [mail for mail in line.world.sent if isinstance(mail, OutboundEmail)]


async def hear(line: Pipeline, event_type: EventType, *about: TouchRef | AddressRef) -> None:
    event = Event(
        source="test",
        external_id=str(next(_numbers)),
        type=event_type,
        occurred_at=line.clock.now(),
        about=about,
    )
    async with line.database.transaction() as tx:
        await events.record(tx, [event], line.clock.now())
    await line.work()


async def test_a_party_is_written_to_in_its_language_and_the_ledger_says_so(
    line: Pipeline,
) -> None:
    (mail,) = await begun(line)
    assert (mail.recipient, mail.recipient_name) == ("desk@hub.example", "Hub AG")
    assert mail.subject == "Schaden C-1"
    assert mail.text.startswith("Guten Tag Hub AG.")
    assert mail.skeleton[1] == "chase|de"
    ledger = await line.rows("select recipient, party from touch")
    assert ledger == [("desk@hub.example", "vendor")]


@pytest.mark.parametrize("party", [{"name": "Hub AG"}, {"name": "Hub", "email": "nowhere"}])
async def test_a_party_without_an_address_is_passed_over(
    line: Pipeline, party: Mapping[str, str]
) -> None:
    if party.get("email"):
        about = '{"parties": {"vendor": {"email": "nowhere"}}}'
        await line.enroll(subject="C-1")
        await line.execute("update enrollment set subject_fields = $1::jsonb", about)
        await line.run(days=1)
        mails = line.world.sent
    else:
        mails = list(await begun(line, party))
    assert [mail.recipient for mail in mails] == ["p1@example.com"]


async def test_a_bounce_of_a_party_does_not_bounce_the_prospect(line: Pipeline) -> None:
    (mail,) = await begun(line)
    await hear(line, EventType.BOUNCED, TouchRef(touch_id=mail.touch_id))
    assert await line.rows("select key from suppression") == [("email:desk@hub.example",)]
    assert await line.rows("select status, outcome from enrollment") == [("active", None)]
    await line.run(days=7)
    assert [sent.recipient for sent in line.world.sent] == ["desk@hub.example", "p1@example.com"]


async def test_a_recipient_that_the_relay_refuses_is_the_party_alone(line: Pipeline) -> None:
    line.world.answers["desk@hub.example"] = PermanentSendError(
        "no such mailbox", code="5.1.1", recipient_invalid=True
    )
    await begun(line)
    await line.run(days=7)
    assert await line.rows("select key from suppression") == [("email:desk@hub.example",)]
    assert await line.rows("select outcome from enrollment") == [("no_response",)]


@pytest.mark.parametrize("by_address", [False, True])
async def test_an_answer_of_a_party_is_heard_by_branches_and_ends_nothing(
    line: Pipeline, by_address: bool
) -> None:
    (mail,) = await begun(line)
    address = AddressRef(channel=Channel.EMAIL, address="desk@hub.example")
    about = address if by_address else TouchRef(touch_id=mail.touch_id)
    await hear(line, EventType.REPLIED, about)
    ((step, status, outcome),) = await line.rows(STANDING)
    assert (status, outcome) == ("active", None)
    assert step == "thanks"
    assert await line.value("select count(*) from notification") == 1


async def test_what_a_party_did_is_no_answer_of_the_prospect(line: Pipeline) -> None:
    steps = CLAIM["claim.yaml"].replace("replied chase within", "replied within")
    async with line.database.transaction() as tx:
        await apply_cadence(tx, {**CLAIM, "claim.yaml": steps}, line.clock.now())
    (mail,) = await begun(line)
    await hear(line, EventType.REPLIED, TouchRef(touch_id=mail.touch_id))
    ((step, *_),) = await line.rows(STANDING)
    assert step == "answered"


async def test_an_answer_of_the_prospect_still_ends_it(line: Pipeline) -> None:
    (mail,) = await begun(line)
    await hear(line, EventType.REPLIED, TouchRef(touch_id=mail.touch_id))
    await line.run(days=7)
    last = line.world.sent[-1]
    assert last.recipient == "p1@example.com"
    await line.enroll(key="again", subject={"id": "C-2", "parties": {"vendor": VENDOR}})
    await line.run(days=1)
    await line.execute("update enrollment set status = status")
    await hear(line, EventType.REPLIED, TouchRef(touch_id=last.touch_id))
    assert (await line.value("select count(*) from notification")) == 2


async def test_a_party_on_the_list_is_not_written_to(line: Pipeline) -> None:
    await line.execute(
        """insert into suppression (key, reason, source, created_at)
        values ('domain:hub.example', 'asked', 'test', now())"""
    )
    mails = await begun(line)
    assert [mail.recipient for mail in mails] == ["p1@example.com"]


async def test_an_opt_out_of_a_party_in_flight_is_the_partys(line: Pipeline) -> None:
    recorder = DatabaseRecorder(line.database, line.clock)

    async def opt_out(touch: object) -> None:
        touch_id: TouchId = getattr(touch, "touch_id")  # noqa: B009
        event = Event(
            source="unsubscribe",
            external_id="1",
            type=EventType.UNSUBSCRIBED,
            occurred_at=line.clock.now(),
            about=[TouchRef(touch_id=touch_id)],
        )
        line.world.after_begin = None
        await recorder.record([event])

    line.world.after_begin = opt_out
    await begun(line)
    assert await line.rows("select key from suppression") == [("marketing:email:desk@hub.example",)]
    await line.run(days=7)
    assert [sent.recipient for sent in line.world.sent] == ["desk@hub.example", "p1@example.com"]


async def test_a_worker_that_dies_leaves_the_partys_touch_to_the_party(line: Pipeline) -> None:
    begun_to_leave = asyncio.Event()

    async def hang(_: object) -> None:
        begun_to_leave.set()
        await asyncio.Event().wait()

    line.world.after_begin = hang
    await line.enroll(subject={"id": "C-1", "parties": {"vendor": VENDOR}})
    line.clock.advance(await line.value("select min(due_at) from due") - line.clock.now())
    (batch_id,) = await line.release()
    worker = asyncio.create_task(line.delivery.deliver(batch_id))
    await begun_to_leave.wait()
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    line.world.after_begin = None
    await line.execute("update batch set lease_until = now() - interval '1 hour'")
    await line.scheduler._keep_house()
    ledger = await line.rows("select recipient, party, status from touch")
    assert ledger == [("desk@hub.example", "vendor", "unknown")]
