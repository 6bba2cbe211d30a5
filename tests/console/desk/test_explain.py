"""`cadenza explain` and `cadenza status`."""

from datetime import timedelta
from typing import Any

from cadenza.model import AddressRef, Channel, Event, EventType
from cadenza.storage import events
from tests.console.desk.desk import Desk


async def explained(desk: Desk) -> Any:
    return await desk.json("explain", str(await desk.line.value("select max(id) from enrollment")))


async def test_what_is_planned_is_told_in_both_times(desk: Desk) -> None:
    await desk.line.enroll(1, company="Gâteaux", time_zone="America/New_York")
    due_at = await desk.line.value("select due_at from due")
    found = await explained(desk)
    (waiting,) = found["waits_for"]
    assert (waiting["kind"], waiting["step"], waiting["at"]) == (
        "touch",
        "hello",
        due_at.isoformat(),
    )
    told = await desk.ok("explain", "p1@example.com")
    local = due_at - timedelta(hours=5)
    assert f"{local:%a %Y-%m-%d %H:%M} America/New_York ({due_at:%H:%M} UTC)" in told
    assert "the email touch of step hello goes from mail-" in told
    assert "mixed, version 1 (Mails and a call)" in told
    assert "Gâteaux" in told


async def test_the_way_so_far_is_told(desk: Desk) -> None:
    await desk.line.enroll(1)
    await desk.line.run(days=1.3)
    async with desk.line.database.transaction() as tx:
        opened = Event(
            source="pixel",
            external_id="1",
            type=EventType.OPENED,
            occurred_at=desk.line.clock.now(),
            about=[AddressRef(channel=Channel.EMAIL, address="p1@example.com")],
        )
        await events.record(tx, [opened], desk.line.clock.now())
    await desk.line.work()
    found = await explained(desk)
    steps = {line["step"]: line for line in found["steps"]}
    assert list(steps) == ["hello", "first-call"]
    assert set(steps["hello"]["happened"]) == {"sent", "opened"}
    assert [touch["status"] for touch in found["touches"]] == ["sent"]
    assert [(event["type"], event["step"]) for event in found["events"]] == [("opened", "hello")]
    assert {waiting["kind"] for waiting in found["waits_for"]} == {"timer", "task"}
    task = next(w for w in found["waits_for"] if w["kind"] == "task")
    told = await desk.ok("explain", str(found["enrollment"]["enrollment_id"]))
    assert f"task {task['task_id']} (call) is to be done by" in told
    assert "→ first-call" in told
    assert "opened: " in told


async def test_a_deferral_is_told_with_its_reason(desk: Desk) -> None:
    await desk.line.enroll(1)
    later = await desk.line.value("select due_at + interval '1 hour' from due")
    await desk.line.execute(
        "update due set due_at = $1, reason = 'account_per_day', attempts = 2", later
    )
    (waiting,) = (await explained(desk))["waits_for"]
    assert (waiting["reason"], waiting["attempts"]) == ("account_per_day", 2)
    told = await desk.ok("explain", "p1@example.com")
    assert "put off: account_per_day" in told
    assert "was planned for" in told


async def test_a_batch_is_told(desk: Desk) -> None:
    await desk.line.enroll(1)
    moment = await desk.line.value("select due_at from due")
    desk.line.clock.advance(moment - desk.line.clock.now() + timedelta(seconds=1))
    (batch,) = await desk.line.release()
    (waiting,) = (await explained(desk))["waits_for"]
    assert (waiting["kind"], waiting["batch_id"]) == ("batch", batch)
    assert f"batch {batch} waits for a worker" in waiting["says"]


async def test_an_end_is_told_with_its_reason(desk: Desk) -> None:
    await desk.line.enroll(1)
    await desk.ok("stop", "p1@example.com", "--do-not-contact", "--reason", "asked", "--yes")
    told = await desk.ok("explain", "p1@example.com")
    assert "finished as opted_out: asked, since Mon 2026-03-02" in told
    assert "on the do-not-contact list: email:p1@example.com, prospect:" in told


async def test_somebody_with_several_enrollments_gets_their_list(desk: Desk) -> None:
    await desk.line.enroll(1, subject="order-1")
    await desk.line.enroll(1, subject="order-2", key="2")
    found = await desk.json("explain", "p1@example.com")
    assert [line["subject"] for line in found] == ["order-2", "order-1"]
    assert "order-1" in await desk.ok("explain", "p1@example.com")
    assert "there is no enrollment 99" in await desk.refused("explain", "99")
    for nobody in ("x@y.example", "9" * 30):
        assert "nobody is known as" in await desk.refused("explain", nobody)


async def test_names_do_not_steer_the_terminal(desk: Desk) -> None:
    await desk.line.enroll(1, last_name="\x1b[2J[red]Evil[/red]")
    told = await desk.ok("explain", "p1@example.com")
    assert "\x1b" not in told
    assert "[red]Evil[/red]" in told


async def test_status_counts_everything(desk: Desk) -> None:
    await desk.line.enroll(3)
    await desk.line.run(days=1.3)
    await desk.ok("stop", "p2@example.com", "--yes")
    await desk.ok("pause", "p3@example.com", "--reason", "holidays", "--yes")
    await desk.line.enroll(1, key="late", email="late@example.com")
    await desk.line.execute(
        """update due set planned_at = $1, reason = 'account_gap'
        where enrollment_id = (select max(id) from enrollment)""",
        desk.line.clock.now() - timedelta(hours=2),
    )
    seen = await desk.json("status", "--cadence", "mixed")
    counts = {(e["status"], e["outcome"]): e["count"] for e in seen["enrollments"]}
    assert counts == {("active", None): 2, ("paused", None): 1, ("finished", "stopped"): 1}
    assert [(p["reason"], p["count"]) for p in seen["paused"]] == [("holidays", 1)]
    assert [(p["channel"], p["count"]) for p in seen["planned"]] == [("timer", 1)]
    assert [(o["channel"], o["reason"], o["count"]) for o in seen["overdue"]] == [
        ("email", "account_gap", 1)
    ]
    assert sum(owner["open"] for owner in seen["tasks"]) == 2
    assert [a["cap"] for a in seen["accounts"]] == [50, 50]
    told = await desk.ok("status")
    assert "account_gap" in told
    assert "2 h" in told
    assert "unknown touches  0" in told


async def test_status_of_what_is_not_there_is_refused(desk: Desk) -> None:
    told = await desk.refused("status", "--cadence", "other")
    assert "there is no cadence 'other'; known: mixed" in told


async def test_status_of_an_empty_deployment_shows_its_accounts(desk: Desk) -> None:
    assert "mail-0" in await desk.ok("status")
