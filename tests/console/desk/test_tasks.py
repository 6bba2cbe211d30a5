"""`cadenza tasks`."""

from datetime import UTC, datetime

from tests.console.desk.desk import Desk


async def call(desk: Desk, **fields: str) -> int:
    """An open call task; its number."""
    await desk.line.enroll(1, **fields)
    await desk.line.run(days=1.3)
    number: int = await desk.line.value("select id from task where state = 'open'")
    return number


async def test_open_tasks_are_listed_by_owner_and_time(desk: Desk) -> None:
    assert await desk.ok("tasks", "list") == "no open tasks\n"
    number = await call(desk, owner="bert", phone="+33612345678")
    told = await desk.ok("tasks", "list")
    assert "Call Zoé" in told
    assert "+33612345678" in told
    (task,) = await desk.json("tasks", "list", "--owner", "bert")
    assert (task["task_id"], task["dispositions"][0]) == (number, "connected")
    assert await desk.json("tasks", "list", "--owner", "anna") == []
    assert await desk.json("tasks", "list", "--due") == []
    await desk.line.run(days=1)
    assert len(await desk.json("tasks", "list", "--due")) == 1


async def test_one_task_is_shown_with_its_script_and_checklist(desk: Desk) -> None:
    number = await call(desk)
    told = await desk.ok("tasks", "show", str(number))
    assert "Good morning Zoé" in told
    assert "☐ 1 Read the profile" in told
    assert "Europe/Paris (" in told
    assert "there is no task 99" in await desk.refused("tasks", "show", "99")


async def test_what_came_of_a_task_moves_its_enrollment(desk: Desk) -> None:
    number = str(await call(desk))
    told = await desk.ok("tasks", "done", number, "-d", "connected", "--note", "call in June")
    assert told == f"task {number} is done: connected\n"
    rows = await desk.line.rows("select source, external_id, type, about, data from event")
    enrollment = await desk.line.value("select id from enrollment")
    data = {
        "enrollment_id": enrollment, "step": "first-call", "visit": 1,
        "disposition": "connected",
    }  # fmt: skip
    assert rows == [("task", number, "task_done", [], data)]
    await desk.line.work()
    assert await desk.line.value("select step from enrollment") == "again"
    assert await desk.line.value("select note from task") == "call in June"


async def test_the_same_word_again_changes_nothing_and_another_is_refused(desk: Desk) -> None:
    number = str(await call(desk))
    first = await desk.json("tasks", "done", number, "-d", "no_answer")
    assert await desk.json("tasks", "done", number, "-d", "no_answer") == first
    told = await desk.refused("tasks", "done", number, "-d", "connected")
    assert told == f"error: task {number} was already done, as no_answer"
    assert await desk.line.value("select count(*) from event") == 1


async def test_a_task_knows_its_own_dispositions_only(desk: Desk) -> None:
    number = str(await call(desk))
    told = await desk.refused("tasks", "done", number, "-d", "sold")
    assert "choose one of: connected, no_answer, meeting_booked" in told
    assert await desk.line.value("select state from task") == "open"
    assert (await desk.cadenza("tasks", "done", number)).exit_code == 2


async def test_a_task_whose_enrollment_ended_is_closed(desk: Desk) -> None:
    number = str(await call(desk))
    await desk.ok("stop", "p1@example.com", "--yes")
    told = await desk.refused("tasks", "done", number, "-d", "connected")
    assert told == f"error: task {number} is not open any more: the enrollment ended"


async def test_a_meeting_booked_on_the_phone_wins(desk: Desk) -> None:
    number = str(await call(desk))
    await desk.ok("tasks", "done", number, "-d", "meeting_booked")
    await desk.line.work()
    assert await desk.line.value("select outcome from enrollment") == "won"
    (closed_at,) = (await desk.line.rows("select closed_at from task"))[0]
    assert abs((closed_at - desk.line.clock.now()).total_seconds()) < 60
    assert closed_at < datetime(2026, 3, 5, tzinfo=UTC)
