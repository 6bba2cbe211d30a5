"""Actions run when schedule time reaches them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sandbox.agenda import MOST_AT_ONCE, Act, Agenda
from sandbox.clock import ScheduleClock, to_iso
from tests.sandbox.world import ClockFile, eventually

HOUR_US = 3_600_000_000


@pytest.fixture
async def agenda(clock: ClockFile) -> AsyncIterator[Agenda]:
    agenda = Agenda(ScheduleClock(clock.path))
    yield agenda
    await agenda.close()


def note(done: list[str], name: str) -> Act:
    async def act() -> None:
        done.append(name)

    return act


async def test_a_jump_of_the_clock_is_noticed_at_once(agenda: Agenda, clock: ClockFile) -> None:
    done: list[str] = []
    agenda.after(2 * HOUR_US, note(done, "late"))
    agenda.after(HOUR_US, note(done, "early"))
    assert (agenda.is_idle(), agenda.pending) == (True, 2)
    clock.jump(HOUR_US)
    assert not agenda.is_idle()
    await eventually(agenda.is_idle, "the first action is done")
    assert done == ["early"]
    clock.jump(HOUR_US)
    await eventually(agenda.is_idle, "the second action is done")
    assert done == ["early", "late"]
    assert agenda.next_due_us is None


async def test_without_a_clock_file_time_is_wall_time() -> None:
    agenda = Agenda(ScheduleClock(None))
    done: list[str] = []
    agenda.after(30_000_000, note(done, "much later"))
    agenda.after(20_000, note(done, "second"))
    agenda.after(1_000, note(done, "first"))
    await eventually(lambda: len(done) == 2, "two actions are done")
    assert done == ["first", "second"]
    await eventually(agenda.is_idle, "only the distant action is left")
    assert agenda.pending == 1
    await agenda.close()


async def test_a_clock_file_may_appear_later(clock: ClockFile) -> None:
    clock.path.unlink()
    agenda = Agenda(ScheduleClock(clock.path))
    done: list[str] = []
    agenda.after(HOUR_US, note(done, "act"))
    clock.path.write_bytes(bytes(8))
    clock.jump(HOUR_US)
    await eventually(lambda: done == ["act"], "the action is done")
    await agenda.close()


async def test_only_so_many_actions_run_at_once_and_all_run(agenda: Agenda) -> None:
    gate = asyncio.Event()
    running = most = ended = 0

    async def act() -> None:
        nonlocal running, most, ended
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1
        ended += 1

    for _ in range(3 * MOST_AT_ONCE):
        agenda.after(0, act)
    agenda.run_due()
    await eventually(lambda: running == MOST_AT_ONCE, "the agenda is full")
    assert not agenda.is_idle()
    gate.set()
    await eventually(agenda.is_idle, "all actions are done")
    assert (most, ended) == (MOST_AT_ONCE, 3 * MOST_AT_ONCE)


async def test_an_action_that_fails_is_logged_and_the_next_one_runs(
    agenda: Agenda, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise RuntimeError("bug")

    done: list[str] = []
    agenda.after(0, fail)
    agenda.after(0, note(done, "next"))
    await eventually(agenda.is_idle, "both actions have ended")
    assert done == ["next"]
    assert "RuntimeError: bug" in caplog.text


async def test_closing_cancels_what_runs() -> None:
    agenda = Agenda(ScheduleClock(None))
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def act() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    agenda.after(0, act)
    agenda.run_due()
    await begun.wait()
    await agenda.close()
    assert cancelled.is_set()
    assert agenda.pending == 0


async def test_a_conducted_agenda_begins_only_when_it_is_told_to(clock: ClockFile) -> None:
    agenda = Agenda(ScheduleClock(clock.path), conducted=True)
    done: list[str] = []
    agenda.after(HOUR_US, note(done, "reps"), last=True)
    agenda.after(HOUR_US, note(done, "people"))
    agenda.after(2 * HOUR_US, note(done, "later"))
    clock.jump(HOUR_US)
    agenda.run_due()
    assert (agenda.is_idle(), agenda.pending, done) == (True, 3, [])
    agenda.act()
    await eventually(agenda.is_idle, "people are done")
    assert done == ["people"]
    agenda.act()
    await eventually(agenda.is_idle, "reps are done")
    assert (done, agenda.pending) == (["people", "reps"], 1)
    agenda.run_on()
    clock.jump(HOUR_US)
    await eventually(lambda: done[-1] == "later", "it runs by itself")
    await agenda.close()


async def test_a_clock_that_stands_gives_everything_one_time(clock: ClockFile) -> None:
    standing = ScheduleClock(clock.path)
    clock.stand(5 * HOUR_US)
    assert {standing.now_us() for _ in range(1000)} == {5 * HOUR_US}
    clock.stand(0)
    assert standing.now_us() > 5 * HOUR_US
    standing.close()


def test_times_are_told_in_iso() -> None:
    assert to_iso(1_000_001) == "1970-01-01T00:00:01.000001+00:00"
