"""`cadenza stop`, `pause`, `resume`, `finish`, `move`."""

from datetime import timedelta

import pytest

from tests.console.desk.desk import Desk

STANDS = """select p.email, e.status, e.outcome, e.reason from enrollment e
    join prospect p on p.id = e.prospect_id order by 1"""


async def test_a_prospect_is_stopped_at_once(desk: Desk) -> None:
    await desk.line.enroll(2)
    told = await desk.ok("stop", "P1@Example.com", "--reason", "asked on the phone", "--yes")
    assert told.rstrip().endswith("stopped 1 enrollment")
    assert await desk.line.rows(STANDS) == [
        ("p1@example.com", "finished", "stopped", "asked on the phone"),
        ("p2@example.com", "active", None, None),
    ]
    await desk.line.run(days=30)
    assert {touch.recipient for touch in desk.line.world.sent} == {"p2@example.com"}
    assert "nothing of theirs to stop" in await desk.refused("stop", "p1@example.com", "--yes")


async def test_a_company_is_stopped_as_a_whole(desk: Desk) -> None:
    await desk.line.enroll(3, company="Acme")
    done = await desk.json("stop", "ACME", "--yes")
    assert (done["prospects"], len(done["enrollments"])) == (3, 3)
    assert await desk.line.value("select count(*) from due") == 0


async def test_it_shows_what_it_would_stop_and_asks(desk: Desk) -> None:
    await desk.line.enroll(1)
    result = await desk.cadenza("stop", "p1@example.com", answer="n\n")
    assert result.exit_code == 1
    assert "email:p1@example.com" in result.stdout
    assert "mixed" in result.stdout
    assert await desk.line.value("select status from enrollment") == "active"
    assert (await desk.cadenza("stop", "p1@example.com", "--json")).exit_code == 2
    assert "stopped 1" in await desk.ok("stop", "p1@example.com", answer="y\n")


async def test_do_not_contact_suppresses_every_address_and_stops_who_shares_one(desk: Desk) -> None:
    shared = {"phone": "+33612345678"}
    await desk.line.enroll(2, **shared)
    done = await desk.json("stop", "+33 6 12 34 56 78", "--do-not-contact", "--yes")
    assert (done["prospects"], done["suppressed"]) == (2, 5)
    assert [row[1:3] for row in await desk.line.rows(STANDS)] == [("finished", "opted_out")] * 2
    keys = {key for (key,) in await desk.line.rows("select key from suppression")}
    assert keys == {
        "email:p1@example.com",
        "email:p2@example.com",
        "phone:+33612345678",
        "prospect:email:p1@example.com",
        "prospect:email:p2@example.com",
    }
    receipt = await desk.line.enroll(1, key="again")
    assert (receipt.accepted, receipt.rejected) == (0, 1)


async def test_a_pause_holds_until_it_is_lifted(desk: Desk) -> None:
    await desk.line.enroll(1)
    assert "paused 1" in await desk.ok("pause", "p1@example.com", "--reason", "holidays", "--yes")
    assert await desk.line.rows(STANDS) == [("p1@example.com", "paused", None, "holidays")]
    await desk.line.run(days=3)
    assert desk.line.world.sent == []
    assert "nothing to pause" in await desk.refused("pause", "p1@example.com", "--yes")
    assert "resumed 1" in await desk.ok("resume", "p1@example.com", "--yes")
    await desk.line.run(days=1)
    assert len(desk.line.world.sent) == 1


async def test_what_a_batch_still_holds_is_not_planned_anew(desk: Desk) -> None:
    await desk.line.enroll(1)
    moment = await desk.line.value("select due_at from due")
    desk.line.clock.advance(moment - desk.line.clock.now() + timedelta(seconds=1))
    (batch,) = await desk.line.release()
    await desk.ok("pause", "p1@example.com", "--yes")
    done = await desk.json("resume", "p1@example.com", "--yes")
    assert done == {"enrollments": 0, "busy": 1}
    await desk.line.delivery.deliver(batch)
    assert desk.line.world.sent == []
    await desk.ok("resume", "p1@example.com", "--yes")
    await desk.line.run(days=1)
    assert len(desk.line.world.sent) == 1


async def test_a_pause_keeps_an_open_task_for_the_owner(desk: Desk) -> None:
    await desk.line.enroll(1)
    await desk.line.run(days=1.3)
    assert await desk.line.value("select state from task") == "open"
    await desk.ok("pause", "p1@example.com", "--yes")
    await desk.ok("resume", "p1@example.com", "--yes")
    assert await desk.line.value("select state from task") == "open"


async def test_nobody_is_nobody(desk: Desk) -> None:
    for verb in ("stop", "pause", "resume"):
        assert "nobody is known as 'x@y.example'" in await desk.refused(verb, "x@y.example")


async def test_a_dry_run_shows_whom_it_concerns_and_changes_nothing(desk: Desk) -> None:
    await desk.line.enroll(3)
    rows = await desk.json("pause", "--where", "cadence=mixed", "--dry-run")
    assert rows == [{"cadence": "mixed", "state": "active", "step": "hello", "enrollments": 3}]
    assert await desk.line.value("select count(*) from enrollment where status = 'active'") == 3


async def test_many_are_chosen_by_what_is_known_of_them(desk: Desk) -> None:
    await desk.line.enroll(2, country="FR", company="Acme")
    await desk.line.enroll(3, country="DE", key="others", prefix="q", floor="4")
    for where, count in {
        "country=fr": 2,
        "company=ACME": 2,
        "field.floor=4": 3,
        "step=hello": 5,
        "step=again": 0,
        "version=1": 5,
        "owner=nobody": 0,
    }.items():
        if count == 0:
            told = await desk.refused("pause", "--where", where, "--yes")
            assert "no enrollment fits" in told
            continue
        rows = await desk.json("pause", "--where", where, "--dry-run")
        assert sum(row["enrollments"] for row in rows) == count, where
    both = ("--where", "country=DE", "--where", "company=acme")
    assert "no enrollment fits" in await desk.refused("pause", *both, "--yes")
    assert (await desk.json("pause", "-w", "country=DE", "--yes"))["enrollments"] == 3


async def test_more_than_fit_into_one_transaction_are_all_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.bulk.going_through.AT_A_TIME", 2)
    await desk.line.enroll(5)
    assert (await desk.json("pause", "-w", "cadence=mixed", "--yes"))["enrollments"] == 5
    assert (await desk.json("resume", "-w", "cadence=mixed", "--yes"))["enrollments"] == 5


async def test_a_pause_of_some_days_ends_by_itself(desk: Desk) -> None:
    await desk.line.enroll(1)
    await desk.ok("pause", "p1@example.com", "--days", "3", "--yes")
    await desk.line.run(days=2)
    assert desk.line.world.sent == []
    await desk.line.run(days=3)
    assert len(desk.line.world.sent) == 1


async def test_a_finish_ends_with_the_outcome_that_is_said(desk: Desk) -> None:
    await desk.line.enroll(1)
    told = await desk.ok("finish", "p1@example.com", "--outcome", "lost", "--reason", "r", "--yes")
    assert "finished 1 enrollment" in told
    assert await desk.line.rows(STANDS) == [("p1@example.com", "finished", "lost", "r")]
    assert await desk.line.value("select count(*) from due") == 0


async def test_a_move_goes_on_at_another_step(desk: Desk) -> None:
    await desk.line.enroll(1)
    assert "moved 1 enrollment" in await desk.ok("move", "p1@example.com", "--to", "again", "--yes")
    assert await desk.line.value("select step from due") == "again"
    await desk.line.run(days=20)
    assert await desk.line.rows("select step from touch") == [("again",)]


async def test_a_move_to_no_step_is_refused(desk: Desk) -> None:
    await desk.line.enroll(1)
    told = await desk.refused("move", "p1@example.com", "--to", "agin", "--yes")
    assert "has no step 'agin' (did you mean `again`?)" in told


async def test_a_choice_that_makes_no_sense_is_refused(desk: Desk) -> None:
    for where, told in {
        "country": "write KEY=VALUE",
        "cuntry=FR": "did you mean `country`?",
        "version=new": "a version is a number",
    }.items():
        result = await desk.cadenza("pause", "--where", where)
        assert result.exit_code == 2
        assert told in " ".join(result.output.replace("│", " ").split()), where
    assert (await desk.cadenza("pause")).exit_code == 2
