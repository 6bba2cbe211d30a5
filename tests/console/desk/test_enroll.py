"""`cadenza enroll`."""

from typing import Any

from redis.asyncio import Redis

from tests.console.desk.desk import Desk
from workers.intake import STREAM

PEOPLE = """\
E-Mail;Vorname;Firma;Land;Deal size
zoe@example.com;Zoë;Gâteaux;FR;12
nonsense;Bo;Acme;SE;3

max@example.com;Max;Acme;IT;4
zoe@example.com;Zoë;Gâteaux;FR;12
ann@example.com;Ann;Acme;US;5
ivy@example.com;Ivy;Acme;GB;5;6
"""


def enrollment(desk: Desk, *more: str, encoding: str = "cp1252") -> tuple[str, ...]:
    return (
        "enroll", "--csv", desk.write("people.csv", PEOPLE, encoding),
        "--cadence", "mixed", "--batch", "2", *more,
    )  # fmt: skip


REFUSED = [
    {"row": 3, "verdict": "rejected", "reason": "is not an email address", "field": "email"},
    {
        "row": 6,
        "verdict": "duplicate",
        "reason": "already active in this cadence",
        "field": None,
    },
    {
        "row": 7,
        "verdict": "rejected",
        "reason": "can be any of 8 by phone, company and country: give time_zone, "
        "e.g. America/Chicago",
        "field": "time_zone",
    },
    {
        "row": 8,
        "verdict": "rejected",
        "reason": "has 6 cells, the header 5: put quotes around cells that hold ';'",
        "field": None,
    },
]


async def test_a_file_is_enrolled_and_its_bad_rows_are_told(desk: Desk) -> None:
    async with desk.intake():
        done = await desk.json(*enrollment(desk))
    assert (done["enrolled"], done["duplicates"], done["rejected"]) == (2, 1, 3)
    assert len(done["keys"]) == 3
    assert done["refused_rows"] == REFUSED
    fields = await desk.line.value("select fields from prospect where email = 'zoe@example.com'")
    assert fields == {"first_name": "Zoë", "company": "Gâteaux", "deal_size": "12"}


async def test_the_same_file_again_enrolls_nobody_twice(desk: Desk) -> None:
    async with desk.intake() as redis:
        first = await desk.json(*enrollment(desk))
        await desk.line.execute("update enrollment set status = 'finished', outcome = 'lost'")
        told = await desk.ok(*enrollment(desk))
        assert await redis.xlen(STREAM) == 0
    assert "This file was enrolled before, on 2026-03-02 10:00 UTC." in told
    assert await desk.line.value("select count(*) from enrollment") == first["enrolled"] == 2


async def test_people_see_columns_totals_and_reasons(desk: Desk) -> None:
    async with desk.intake():
        told = await desk.ok(*enrollment(desk, "--map", "size=Deal size"))
    assert "cp1252, cells parted by semicolon" in told
    assert "E-Mail" in told
    assert "as you said" in told
    assert "is not an email address" in told
    assert told.rstrip().endswith("enrolled 2   already there 1   rejected 3")


async def test_a_dry_run_shows_what_would_become_of_each_row_and_sends_nothing(desk: Desk) -> None:
    await desk.ok("do-not-contact", "add", "max@example.com")
    told = await desk.json(*enrollment(desk, "--dry-run"))
    assert (told["enrolled"], told["duplicates"], told["rejected"]) == (1, 1, 4)
    first, second, third = told["rows"][:3]
    assert first["prospect"]["key"] == "email:zoe@example.com"
    assert first["prospect"]["time_zone"] == "Europe/Paris"
    assert first["first"]["step"] == "hello"
    assert first["first"]["due_at"].startswith("2026-03-02T1")
    assert (second["row"], second["reason"]) == (3, "is not an email address")
    assert (third["row"], third["reason"]) == (5, "is on the do-not-contact list")
    async with Redis.from_url(desk.redis_url) as redis:
        assert await redis.xlen(STREAM) == 0
    assert await desk.line.value("select count(*) from prospect") == 0
    shown = await desk.ok(*enrollment(desk, "--dry-run"))
    assert "1 row would be enrolled" in shown
    assert "hello, Mon 2026-03-02" in shown
    assert "Nothing was sent" in shown


async def test_a_dry_run_foretells_what_the_enrollment_then_does(desk: Desk) -> None:
    def verdicts(rows: list[dict[str, Any]]) -> list[tuple[int, str]]:
        return [(row["row"], row["verdict"]) for row in rows if row["verdict"] != "enrolled"]

    await desk.line.enroll(1, email="max@example.com")
    dry = await desk.json(*enrollment(desk, "--dry-run"))
    due = {row["first"]["due_at"] for row in dry["rows"] if row["verdict"] == "enrolled"}
    async with desk.intake():
        done = await desk.json(*enrollment(desk))
    assert verdicts(dry["rows"]) == verdicts(done["refused_rows"])
    stored = await desk.line.rows(
        """select due_at from due join enrollment e on e.id = enrollment_id
        join prospect p on p.id = e.prospect_id where p.email = 'zoe@example.com'"""
    )
    assert {at.isoformat() for (at,) in stored} == due


async def test_without_waiting_the_messages_stay_in_the_stream(desk: Desk) -> None:
    told = await desk.json(*enrollment(desk, "--no-wait", "--key", "autumn"))
    assert told == {"keys": ["autumn-1", "autumn-2", "autumn-3"], "sent": 5}
    assert "still waits in the queue" in await desk.refused("enroll", "status", "autumn")
    async with desk.intake():
        await desk.json(*enrollment(desk, "--key", "autumn"))
    found = await desk.json("enroll", "status", "autumn", "--rows")
    assert [receipt["key"] for receipt in found] == ["autumn-1", "autumn-2", "autumn-3"]
    assert [row["verdict"] for row in found[0]["rows"]] == ["enrolled", "rejected"]
    (one,) = await desk.json("enroll", "status", "autumn-2")
    assert (one["key"], one["accepted"], one["rejected"]) == ("autumn-2", 1, 1)
    shown = await desk.ok("enroll", "status", "autumn-1", "--rows")
    assert "is not an email address" in shown


async def test_wrong_calls_are_refused_in_one_line(desk: Desk) -> None:
    path = desk.write("people.csv", PEOPLE)
    told = await desk.refused("enroll", "--csv", path, "--cadence", "other")
    assert "there is no cadence 'other'; known: mixed" in told
    told = await desk.refused("enroll", "--csv", path, "--cadence", "mixed", "--map", "email=Mail")
    assert "the file has no column 'Mail'" in told
    told = await desk.refused("enroll", "--csv", path + "x", "--cadence", "mixed")
    assert "cannot read the file: No such file" in told
    assert (await desk.cadenza("enroll", "--csv", path)).exit_code == 2
    assert (await desk.cadenza("enroll", "--csv", path, "--batch", "0")).exit_code == 2


async def test_a_file_without_one_good_row_ends_with_status_1(desk: Desk) -> None:
    path = desk.write("bad.csv", "email\nnonsense\n")
    async with desk.intake():
        result = await desk.cadenza("enroll", "--csv", path, "--cadence", "mixed", "--json")
    assert result.exit_code == 1
    dry = await desk.cadenza("enroll", "--csv", path, "--cadence", "mixed", "--dry-run")
    assert dry.exit_code == 1
