"""`cadenza migrate`: taking along who is under way."""

from datetime import timedelta

from tests.console.desk.desk import Desk
from tests.console.desk.test_plan import written

STANDS = """select p.email, v.version, e.status, e.step from enrollment e
    join prospect p on p.id = e.prospect_id join cadence_version v on v.id = e.version_id
    order by 1"""


async def apply(desk: Desk, *change: str) -> None:
    await desk.ok("apply", written(desk.folder, (change[0], change[1])))


async def test_who_is_under_way_stays_on_their_version_until_migrated(desk: Desk) -> None:
    await desk.line.enroll(2)
    await apply(desk, "day: 1\n", "day: 2\n")
    before = await desk.line.rows("select due_at from due order by 1")
    assert {row[1] for row in await desk.line.rows(STANDS)} == {1}
    rows = await desk.json("migrate", "mixed", "--dry-run")
    assert rows == [{"version": 1, "step": "hello", "to": "hello", "enrollments": 2}]
    assert await desk.line.rows("select due_at from due order by 1") == before
    assert await desk.json("migrate", "mixed", "--yes") == {"enrollments": 2, "busy": 0}
    assert {row[1] for row in await desk.line.rows(STANDS)} == {2}
    (first,) = before[0]
    (later,) = (await desk.line.rows("select due_at from due order by 1"))[0]
    assert timedelta(hours=12) < later - first < timedelta(days=2)
    told = await desk.refused("migrate", "mixed", "--yes")
    assert "nobody of mixed is under way on another version than 2" in told


async def test_nobody_is_migrated_from_a_step_that_is_gone_without_a_map(desk: Desk) -> None:
    await desk.line.enroll(1)
    await apply(desk, "step: hello\n", "step: welcome\n")
    told = await desk.refused("migrate", "mixed", "--yes")
    assert "version 2 has no step hello: add --map OLD=NEW for each" in told
    assert await desk.line.rows(STANDS) == [("p1@example.com", 1, "active", "hello")]
    told = await desk.refused("migrate", "mixed", "--map", "hello=welcom", "--yes")
    assert "has no step 'welcom' (did you mean `welcome`?)" in told
    done = await desk.json("migrate", "mixed", "--map", "hello=welcome", "--yes")
    assert done == {"enrollments": 1, "busy": 0}
    assert await desk.line.rows(STANDS) == [("p1@example.com", 2, "active", "welcome")]
    assert await desk.line.rows("select step from due") == [("welcome",)]


async def test_a_touch_in_a_workers_hands_is_not_planned_a_second_time(desk: Desk) -> None:
    await desk.line.enroll(1)
    await apply(desk, "day: 1\n", "day: 2\n")
    moment = await desk.line.value("select due_at from due")
    desk.line.clock.advance(moment - desk.line.clock.now() + timedelta(seconds=1))
    (batch,) = await desk.line.release()
    assert await desk.json("migrate", "mixed", "--yes") == {"enrollments": 0, "busy": 1}
    await desk.line.delivery.deliver(batch)
    assert await desk.json("migrate", "mixed", "--yes") == {"enrollments": 1, "busy": 0}
    await desk.line.run(days=30)
    steps = await desk.line.rows("select step from touch order by id")
    assert steps == [("hello",), ("again",)]


async def test_migrating_back_is_a_migration_too(desk: Desk) -> None:
    await desk.line.enroll(1)
    planned = await desk.line.rows("select step, visit, due_at from due")
    await apply(desk, "day: 1\n", "day: 2\n")
    await desk.ok("migrate", "mixed", "--yes")
    await desk.ok("migrate", "mixed", "--to", "1", "--yes")
    assert await desk.line.rows("select step, visit, due_at from due") == planned
    assert "has no version 7" in await desk.refused("migrate", "mixed", "--to", "7", "--yes")
