"""Who may begin a cadence, on which day, and who is whom: under several workers at once too."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.support.pipeline import Pipeline
from tests.workers.cadences import cadence
from tests.workers.test_enroll import message, person


async def verdicts(line: Pipeline, key: str) -> Sequence[tuple[str, str | None]]:
    """(verdict, reason) of each row of a message."""
    return [
        (verdict, reason)
        for verdict, reason in await line.rows(
            """select verdict, receipt_row.reason from receipt_row join receipt on id = receipt_id
            where message_key = $1 order by row_number""",
            key,
        )
    ]


async def enroll(
    line: Pipeline, name: str, *rows: Mapping[str, Any], key: str = "m"
) -> Sequence[tuple[str, str | None]]:
    await line.enroller.enroll(message(*rows, key=key, cadence=name))
    return await verdicts(line, key)


async def finish(line: Pipeline) -> None:
    await line.execute(
        "update enrollment set status = 'finished', outcome = 'lost', changed_at = $1",
        line.clock.now(),
    )


async def test_a_person_is_found_by_any_identity_and_keeps_the_first_key(line: Pipeline) -> None:
    await line.apply(cadence("a"))
    first = person(1, phone="+33612345678")
    with_id = person(1, id="crm-7", phone="+33699999999")
    by_id = {"id": "crm-7", "country": "FR"}
    by_phone = {"phone": "+33699999999"}
    for n, row in enumerate((first, with_id, by_id, by_phone)):
        (verdict,) = await enroll(line, "a", row, key=f"m{n}")
        assert verdict[0] == ("duplicate" if n else "enrolled"), row
    assert await line.rows("select key, phone from prospect") == [
        ("email:p1@example.com", "+33699999999")
    ]


async def test_who_shares_a_number_and_not_the_address_is_somebody_else(line: Pipeline) -> None:
    await line.apply(cadence("a"))
    switchboard = [person(n, phone="+33612345678") for n in range(1, 4)]
    assert {v for v, _ in await enroll(line, "a", *switchboard)} == {"enrolled"}
    assert await line.value("select count(*) from prospect") == 3


async def test_one_person_twice_in_a_message_is_one(line: Pipeline) -> None:
    await line.apply(cadence("a"))
    rows = [person(1), {"id": "7", "email": "p1@example.com", "country": "FR"}]
    assert [v for v, _ in await enroll(line, "a", *rows)] == ["enrolled", "duplicate"]
    assert await line.value("select count(*) from prospect") == 1


async def test_the_listed_identities_decide(line: Pipeline) -> None:
    await line.apply(cadence("a", "enroll: {identity: [id, email]}"))
    await enroll(line, "a", {"id": "1", "phone": "+33612345678"}, key="m1")
    await enroll(line, "a", {"phone": "+33612345678"}, key="m2")
    assert await line.value("select count(*) from prospect") == 2


async def test_many_workers_make_one_person_of_rows_that_only_share_an_address(
    line: Pipeline,
) -> None:
    await line.apply(cadence("a"))
    rows = [{"id": str(n % 2), "email": "same@example.com", "country": "FR"} for n in range(8)]
    rows = [{"email": "same@example.com", "country": "FR"}, *rows[:1] * 7]
    await asyncio.gather(
        *(
            line.enroller.enroll(message(row, key=f"m{n}", cadence="a"))
            for n, row in enumerate(rows)
        )
    )
    assert await line.value("select count(*) from prospect") == 1
    assert await line.value("select count(*) from enrollment") == 1


@pytest.mark.parametrize(
    ("again", "after_days", "verdict"),
    [
        ("never", 400, "refused"),
        ("after 90 days", 89, "refused"),
        ("after 90 days", 91, "enrolled"),
        ("always", 1, "enrolled"),
    ],
)
async def test_again(line: Pipeline, again: str, after_days: int, verdict: str) -> None:
    await line.apply(cadence("a", f"enroll: {{again: {again}}}"))
    await enroll(line, "a", person(), key="m1")
    await finish(line)
    line.clock.advance(timedelta(days=after_days))
    ((said, reason),) = await enroll(line, "a", person(), key="m2")
    assert said == verdict
    assert (reason is None) == (verdict == "enrolled")
    # About something else it is not again.
    assert (await enroll(line, "a", person(subject="order-2"), key="m3"))[0][0] == "enrolled"


async def test_an_exclusive_cadence_takes_nobody_who_is_in_another_of_its_class(
    line: Pipeline,
) -> None:
    await line.apply(cadence("a"))
    await line.apply(cadence("b", "enroll: {exclusive: yes}"))
    await line.apply(cadence("c", "enroll: {exclusive: [other]}"))
    await line.apply(cadence("d", "enroll: {exclusive: [a]}"))
    await enroll(line, "a", person(), key="m1")
    told = {name: (await enroll(line, name, person(), key=name))[0] for name in "bcd"}
    assert told["b"] == ("refused", "is under way in a, a cadence of the same class")
    assert told["c"] == ("enrolled", None)
    assert told["d"] == ("refused", "is under way in a")


async def test_two_exclusive_cadences_never_take_the_same_person_at_once(line: Pipeline) -> None:
    for name in "abcd":
        await line.apply(cadence(name, "enroll: {exclusive: yes}"))
    await asyncio.gather(
        *(
            line.enroller.enroll(message(*(person(n) for n in range(30)), key=name, cadence=name))
            for name in "abcd"
        )
    )
    assert await line.value("select count(*) from enrollment") == 30
    assert await line.value("select count(distinct prospect_id) from enrollment") == 30


async def test_cooldown_counts_from_the_last_touch_of_any_cadence(line: Pipeline) -> None:
    await line.enroll(1)
    await line.run(days=0.5)
    assert len(line.world.sent) == 1
    await line.apply(cadence("a", "enroll: {cooldown: 14 days}"))
    ((verdict, reason),) = await enroll(line, "a", person(1), key="m1")
    assert (verdict, reason) == (
        "refused",
        "was touched on 2026-03-02; may begin from 2026-03-16 on",
    )
    line.clock.advance(timedelta(days=15))
    assert (await enroll(line, "a", person(1), key="m2"))[0][0] == "enrolled"


async def test_whoever_finds_the_day_full_begins_on_the_next_one(line: Pipeline) -> None:
    await line.apply(cadence("a", "enroll: {per_day: 2}"))
    await enroll(line, "a", *(person(n) for n in range(9)))
    days = await line.rows(
        "select started_at::date::text, count(*) from enrollment group by 1 order by 1"
    )
    # Monday to Friday: the weekend gets nobody.
    assert days == [
        ("2026-03-02", 2), ("2026-03-03", 2), ("2026-03-04", 2), ("2026-03-05", 2),
        ("2026-03-06", 1),
    ]  # fmt: skip
    said = await line.rows("select starts_at::date::text from receipt_row order by row_number")
    assert [day for (day,) in said[:3]] == [None, None, "2026-03-03"]
    late = await line.value(
        "select min(d.due_at) from due d join enrollment e "
        "on e.id = d.enrollment_id where e.started_at::date > '2026-03-05'"
    )
    assert late > line.clock.now() + timedelta(days=30)


async def test_places_are_given_away_once_whoever_asks(line: Pipeline) -> None:
    more = "enroll: {per_day: 5, active: 12, when_full: refuse}"
    await line.apply(cadence("a", more))
    await asyncio.gather(
        *(
            line.enroller.enroll(
                message(*(person(10 * m + n) for n in range(4)), key=f"m{m}", cadence="a")
            )
            for m in range(4)
        )
    )
    assert await line.value("select count(*) from enrollment") == 5
    line.clock.advance(timedelta(days=1))
    await enroll(line, "a", *(person(100 + n) for n in range(5)), key="n1")
    line.clock.advance(timedelta(days=1))
    last = await enroll(line, "a", *(person(200 + n) for n in range(5)), key="n2")
    assert [v for v, _ in last] == ["enrolled", "enrolled", "refused", "refused", "refused"]
    assert last[-1][1] == "12 are active in this cadence, as many as may be"
    refused = await line.value(
        "select value from rollup where cadence = 'a' and metric = 'refused'"
    )
    assert refused == 3 + 11


async def test_company_subject_and_parties_come_with_a_row_and_grow(line: Pipeline) -> None:
    await line.apply(cadence("claim"))
    rows = [
        person(
            1,
            company={"name": "Gâteaux & Fils", "size": 250},
            subject={
                "id": "c-1",
                "amount": 1200,
                "parties": {"vendor": {"email": "Claims@Garage.example", "locale": "fr"}},
            },
        ),
        {
            **person(2),
            "company": "gâteaux & fils",
            "company.city": "Lyon",
            "subject.id": "c-2",
            "party.vendor.phone": "06 12 34 56 78",
        },
        person(3, subject={"parties": {"vendor": {"email": "nobody"}}}),
        person(4, company={"size": 3}),
        person(5, subject={"nested": {"a": 1}}),
        person(6, subject={"parties": []}),
        {**person(7), "party.Vendor.email": "a@b.example"},
    ]
    await line.enroller.enroll(message(*rows, cadence="claim"))
    fields = await line.rows("select verdict, field from receipt_row order by row_number")
    assert fields == [
        ("enrolled", None), ("enrolled", None), ("rejected", "party.vendor.email"),
        ("rejected", "company"), ("rejected", "subject.nested"),
        ("rejected", "subject.parties"), ("rejected", "party.Vendor"),
    ]  # fmt: skip
    assert await line.rows("select subject, subject_fields from enrollment order by id") == [
        (
            "c-1",
            {
                "amount": 1200,
                "parties": {"vendor": {"email": "claims@garage.example", "locale": "fr"}},
            },
        ),
        ("c-2", {"parties": {"vendor": {"phone": "+33612345678"}}}),
    ]
    assert await line.rows("select name, fields from company") == [
        ("gâteaux & fils", {"name": "gâteaux & fils", "size": 250, "city": "Lyon"})
    ]


async def test_a_plain_company_costs_no_row_of_its_own(line: Pipeline) -> None:
    await line.apply(cadence("a"))
    await enroll(line, "a", person(1, company="Acme"))
    assert await line.value("select count(*) from company") == 0
    told = json.loads(json.dumps(await line.value("select fields from prospect")))
    assert told["company"] == "Acme"
