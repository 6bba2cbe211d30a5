"""`cadenza stop`, `pause`, `resume`."""

from datetime import timedelta

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
    assert "nothing of theirs to pause" in await desk.refused("pause", "p1@example.com", "--yes")
    assert "resumed 1" in await desk.ok("resume", "p1@example.com", "--yes")
    await desk.line.run(days=1)
    assert len(desk.line.world.sent) == 1


async def test_what_a_batch_still_holds_is_not_planned_anew(desk: Desk) -> None:
    await desk.line.enroll(1)
    moment = await desk.line.value("select due_at from due")
    desk.line.clock.advance(moment - desk.line.clock.now() + timedelta(seconds=1))
    (batch,) = await desk.line.release()
    await desk.ok("pause", "p1@example.com", "--yes")
    told = await desk.refused("resume", "p1@example.com", "--yes")
    assert "is being worked on at this moment: try again in a moment" in told
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
