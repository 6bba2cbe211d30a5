"""Of every rule that the audit knows, a violation is planted into a ledger without one, and found.

A violation is a row as a faulty sender would have left it, beside what a
deployment did as it should. A rule without a planted violation fails here.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from cadenza.accounts import Accounts
from cadenza.accounts.states import pause_account
from cadenza.by_hand import steering
from cadenza.model import EnrollmentStatus
from console.auditing import RULES, AuditReport, audit
from tests.support.pipeline import Pipeline, pipeline

PEOPLE = 6
CADENCE: Mapping[str, str] = {
    "cadence.yaml": """
cadence: mails-and-a-text
title: Two mails and a text
objective: meeting_booked
class: sales
days: business
window:
  days: mon-fri
  hours: "09:00-17:00"
  sms: {days: mon-sun, hours: "00:00-24:00", holidays: open}
from: {email: outreach, sms: outreach}
exit: {replied: stop, bounced: stop, unsubscribed: stop, complained: stop, meeting_booked: won}
steps:
  - step: hello
    email: hello
    day: 1
  - step: again
    email: again
    thread: reply
    day: 3
  - step: text
    sms: "Hello {{ prospect.first_name }}. Reply STOP to opt out"
    day: 60
  - step: done
    end: no_response
""",
    "templates/hello.liquid": '---\nsubject: "Hello"\n---\nDear you.\n',
    "templates/again.liquid": "---\n---\nOnce more.\n",
}
ACCOUNTS: Mapping[str, Any] = {
    "organisation": {
        "name": "Northwind",
        "postal_address": "1 Quay Street",
        "time_zone": "Europe/Paris",
    },
    "owners": [{"id": "anna", "name": "Anna", "email": "anna@reps.example"}],
    "accounts": [
        *(
            {
                "id": f"mail-{n}",
                "channel": "email",
                "provider": "scripted",
                "address": f"anna{n}@send.example",
                "group": "outreach",
            }
            for n in range(2)
        ),
        {
            "id": "text-0",
            "channel": "sms",
            "provider": "scripted",
            "address": "+33639981234",
            "group": "outreach",
            "limits": {"rolling": {"24 hours": 1}},
        },
    ],
    "limits": [{"scope": "channel", "match": "email", "at_most": PEOPLE, "per": "day"}],
    "blackouts": [{"from": "2026-03-12", "to": "2026-03-12", "reason": "a day of silence"}],
}

Plant = Callable[["Ledger"], Awaitable[None]]
PLANTS: list[tuple[str, Plant]] = []
PLANTED = 1_000
"""The number of the touch that breaks the rule."""


def breaks(rule: str) -> Callable[[Plant], Plant]:
    def kept(plant: Plant) -> Plant:
        PLANTS.append((rule, plant))
        return plant

    return kept


def march(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A moment of March 2026, when it is an hour later in Paris; the 2nd was a Monday."""
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


class Ledger:
    """What is planted into. first, other: accounts of the first person, and not of theirs."""

    def __init__(self, line: Pipeline, first: str) -> None:
        self.line = line
        self.first = first
        self.other = "mail-1" if first == "mail-0" else "mail-0"

    async def add(self, began_at: datetime, number: int = PLANTED, **columns: object) -> None:
        """A touch of the first person, on time, from their account: "hello" again, if not said."""
        values = {
            "step": "hello",
            "channel": "email",
            "account": self.first,
            "recipient": "p1@example.com",
            "due_at": began_at,
            **columns,
        }
        names = sorted(values)
        await self.line.execute(
            f"""insert into touch (id, enrollment_id, prospect_id, cadence_id, version_id, visit,
                status, planned_at, began_at, recorded_at, {", ".join(names)})
            select $1::bigint, enrollment_id, prospect_id, cadence_id, version_id, $1::bigint::int,
                'sent', $2, $2, $2,
                {", ".join(f"${n}" for n, _ in enumerate(names, start=3))}
            from touch order by id limit 1""",
            number,
            began_at,
            *(values[name] for name in names),
        )

    async def text(self, began_at: datetime, number: int = PLANTED) -> None:
        """A text to the first person."""
        more = {"step": "text", "channel": "sms", "account": "text-0", "recipient": "+33639985555"}
        await self.add(began_at, number, **more)

    def _wait_until(self, at: datetime) -> None:
        self.line.clock.advance(at - self.line.clock.now())

    async def rest(self, account: str, at: datetime, *, for_good: bool = False) -> None:
        """Somebody lets an account rest."""
        self._wait_until(at)
        async with self.line.database.transaction() as tx:
            await pause_account(
                tx, self.line.accounts, account, reason="r", for_good=for_good,
                clock=self.line.clock,
            )  # fmt: skip

    async def steer(self, kind: str, at: datetime) -> None:
        """Somebody pauses, resumes … the enrollment of the first person."""
        self._wait_until(at)
        number = await self.line.value("select enrollment_id from touch order by id limit 1")
        async with self.line.database.transaction() as tx:
            steered = await steering.steer(
                tx, [number], kind, {"outcome": "stopped"}, statuses=list(EnrollmentStatus),
                course=self.line.course, clock=self.line.clock,
            )  # fmt: skip
        assert steered.enrollments

    async def suppress(self, key: str, at: datetime) -> None:
        """Somebody must not be contacted any more."""
        await self.line.execute("insert into suppression values ($1, 'r', 's', $2)", key, at)


@pytest.fixture
async def ledger(database_url: str, redis_url: str) -> Any:
    """Six people got two mails each, on a Monday and on the Wednesday after, as they should."""
    file = Accounts.model_validate(ACCOUNTS)
    async with pipeline(database_url, redis_url, file=file, sources=CADENCE) as line:
        await line.enroll(PEOPLE)
        await line.run(days=5)
        report = await judged(line)
        assert (report.touches, report.violations) == (2 * PEOPLE, 0)
        yield Ledger(line, await line.value("select account from touch order by id limit 1"))


async def judged(line: Pipeline) -> AuditReport:
    return await audit(line.database, line.catalog, line.accounts)


@breaks("outside_window")
async def a_second_after_the_window(ledger: Ledger) -> None:
    await ledger.add(march(10, 16, 0, 1))


@breaks("outside_window")
async def on_a_sunday(ledger: Ledger) -> None:
    await ledger.add(march(8, 11))


@breaks("on_holiday")
async def on_easter_monday(ledger: Ledger) -> None:
    await ledger.add(datetime(2026, 4, 6, 10, tzinfo=UTC))


@breaks("in_blackout")
async def on_a_day_of_silence(ledger: Ledger) -> None:
    await ledger.add(march(12, 11))


@breaks("unlawful_hour")
async def late_in_the_evening(ledger: Ledger) -> None:
    await ledger.text(march(10, 21, 30))


@breaks("over_cap")
async def one_more_on_a_day_that_was_full(ledger: Ledger) -> None:
    await ledger.add(march(2, 15, 55))


@breaks("over_rolling")
async def two_within_a_day_of_24_hours(ledger: Ledger) -> None:
    await ledger.text(march(10, 14), PLANTED - 1)
    await ledger.text(march(11, 13))


@breaks("too_soon")
async def two_within_ten_minutes(ledger: Ledger) -> None:
    await ledger.add(march(10, 11), PLANTED - 1)
    await ledger.add(march(10, 11, 9))


@breaks("from_paused")
async def from_an_account_that_rested(ledger: Ledger) -> None:
    await ledger.rest(ledger.first, march(10, 9))
    await ledger.add(march(10, 11))


@breaks("thread_moved")
async def an_answer_from_another_account(ledger: Ledger) -> None:
    # New mails may come from another one now; those of a thread may not.
    await ledger.rest(ledger.first, march(10, 9), for_good=True)
    await ledger.add(march(10, 11), step="again", account=ledger.other)


@breaks("account_changed")
async def a_new_mail_from_another_account(ledger: Ledger) -> None:
    await ledger.add(march(10, 11), account=ledger.other)


@breaks("after_stop")
async def after_a_stop(ledger: Ledger) -> None:
    await ledger.steer("stopped", march(10, 9))
    await ledger.add(march(10, 11))


@breaks("after_stop")
async def while_paused(ledger: Ledger) -> None:
    await ledger.steer("paused", march(10, 9))
    await ledger.add(march(10, 11))


@breaks("after_stop")
async def while_paused_and_resumed_since(ledger: Ledger) -> None:
    await ledger.add(march(9, 11), PLANTED - 2)
    await ledger.steer("paused", march(10, 9))
    await ledger.add(march(10, 11))
    await ledger.steer("resumed", march(11, 9))
    await ledger.add(march(11, 11), PLANTED - 1)


@breaks("to_suppressed")
async def to_an_address_on_the_list(ledger: Ledger) -> None:
    await ledger.suppress("email:p1@example.com", march(10, 9))
    await ledger.add(march(10, 11))


@breaks("to_suppressed")
async def to_a_person_on_the_list(ledger: Ledger) -> None:
    await ledger.suppress("prospect:email:p1@example.com", march(10, 9))
    await ledger.text(march(10, 11))


@breaks("to_suppressed")
async def to_a_domain_on_the_list(ledger: Ledger) -> None:
    await ledger.suppress("domain:example.com", march(10, 9))
    await ledger.add(march(10, 11))


@breaks("duplicates")
async def a_mail_to_somebody_else(ledger: Ledger) -> None:
    """The second person's mail went to the first."""
    await ledger.line.execute(
        """update touch set recipient = 'p1@example.com', id = $1
        where step = 'hello' and recipient = 'p2@example.com'""",
        PLANTED,
    )


@breaks("early")
async def before_it_was_due(ledger: Ledger) -> None:
    await ledger.add(march(10, 11), due_at=march(10, 11, 0, 2))


@pytest.mark.parametrize(("rule", "plant"), PLANTS, ids=lambda part: getattr(part, "__name__", ""))
async def test_a_planted_violation_is_found_and_nothing_else(
    ledger: Ledger, rule: str, plant: Plant
) -> None:
    await plant(ledger)
    report = await judged(ledger.line)
    assert {name: count for name, count in report.as_json().items() if count} == {rule: 1}
    (example,) = report.examples[rule]
    assert "limit" in example if rule == "over_cap" else example["touch"] == PLANTED
    assert report.unclear == 0


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_planted_violation(rule: str) -> None:
    assert rule in {planted for planted, _ in PLANTS}
