"""Group commit: few commits, nothing acknowledged before it is stored."""

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from cadenza.model import Event, EventType, TouchId, TouchRef
from events.recording import EventBatcher, Hints, NotRecorded
from monitoring.metrics import IntakeMetrics
from tests.events.support import NOW, MemoryRecorder
from tests.support.eventually import eventually


def _event(name: str) -> Event:
    return Event(
        source="test",
        external_id=name,
        type=EventType.OPENED,
        occurred_at=NOW,
        about=(TouchRef(touch_id=TouchId(1)),),
    )


def _batcher(
    recorder: MemoryRecorder,
    *,
    hints: Hints | None = None,
    max_group: int = 500,
    max_waiting: int = 1000,
    timeout_seconds: float = 5.0,
) -> EventBatcher:
    return EventBatcher(
        recorder,
        IntakeMetrics(CollectorRegistry()),
        hints=hints,
        max_group=max_group,
        max_waiting=max_waiting,
        timeout_seconds=timeout_seconds,
    )


async def _begin(batcher: EventBatcher, names: Sequence[str]) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(batcher.record([_event(name)])) for name in names]
    await asyncio.sleep(0)
    return tasks


def _committed(recorder: MemoryRecorder) -> list[list[str]]:
    return [[event.external_id for event in call] for call in recorder.calls]


async def test_what_arrives_during_a_commit_leaves_in_the_next_one() -> None:
    recorder = MemoryRecorder()
    recorder.gate.clear()
    batcher = _batcher(recorder)
    first = await _begin(batcher, ["first"])

    async def first_commit_runs() -> bool:
        return len(recorder.calls) == 1

    await eventually(first_commit_runs)
    later = await _begin(batcher, [f"later {n}" for n in range(50)])
    recorder.gate.set()
    await asyncio.gather(*first, *later)

    assert _committed(recorder) == [["first"], [f"later {n}" for n in range(50)]]


async def test_a_lone_event_is_committed_at_once() -> None:
    recorder = MemoryRecorder()
    await _batcher(recorder).record([_event("alone")])
    assert _committed(recorder) == [["alone"]]


async def test_nothing_is_acknowledged_before_the_commit_ends() -> None:
    recorder = MemoryRecorder()
    recorder.gate.clear()
    [task] = await _begin(_batcher(recorder), ["slow"])

    async def runs() -> bool:
        return bool(recorder.calls)

    await eventually(runs)
    assert not task.done()
    recorder.gate.set()
    await task
    assert [event.external_id for event in recorder.events] == ["slow"]


async def test_a_failed_commit_refuses_all_who_wait_for_it_and_the_next_is_tried_anew() -> None:
    recorder = MemoryRecorder()
    recorder.down = True
    batcher = _batcher(recorder)
    tasks = await _begin(batcher, ["a", "b", "c"])
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [NotRecorded] * 3
    assert recorder.events == []

    recorder.down = False
    await batcher.record([_event("d")])
    assert [event.external_id for event in recorder.events] == ["d"]


async def test_one_event_that_storage_refuses_does_not_take_the_others_down() -> None:
    recorder = MemoryRecorder()
    recorder.poison = {"bad"}
    tasks = await _begin(_batcher(recorder), ["bad", "good", "also good"])
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [NotRecorded, type(None), type(None)]
    assert [event.external_id for event in recorder.events] == ["good", "also good"]


async def test_while_storage_is_away_it_is_not_asked_for_each_event() -> None:
    recorder = MemoryRecorder()
    recorder.down = True
    tasks = await _begin(_batcher(recorder), [str(n) for n in range(100)])
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(recorder.calls) == 3  # together, then two alone


async def test_a_commit_that_takes_too_long_has_failed() -> None:
    recorder = MemoryRecorder()
    recorder.gate.clear()
    with pytest.raises(NotRecorded):
        await _batcher(recorder, timeout_seconds=0.01).record([_event("stuck")])


async def test_a_full_queue_refuses_more() -> None:
    recorder = MemoryRecorder()
    recorder.gate.clear()
    batcher = _batcher(recorder, max_waiting=2)
    running = await _begin(batcher, ["runs"])

    async def runs() -> bool:
        return bool(recorder.calls)

    await eventually(runs)
    waiting = await _begin(batcher, ["waits", "waits too"])
    with pytest.raises(NotRecorded, match="too many"):
        await batcher.record([_event("one too many")])
    recorder.gate.set()
    await asyncio.gather(*running, *waiting)


async def test_groups_are_bounded() -> None:
    recorder = MemoryRecorder()
    tasks = await _begin(_batcher(recorder, max_group=2), ["a", "b", "c"])
    await asyncio.gather(*tasks)
    assert _committed(recorder) == [["a", "b"], ["c"]]


async def test_a_caller_who_leaves_does_not_stop_the_commit_of_the_others() -> None:
    recorder = MemoryRecorder()
    recorder.gate.clear()
    leaves, stays = await _begin(_batcher(recorder), ["leaves", "stays"])

    async def runs() -> bool:
        return bool(recorder.calls)

    await eventually(runs)
    leaves.cancel()
    recorder.gate.set()
    await stays
    assert len(recorder.events) == 2


async def test_no_events_need_no_commit() -> None:
    recorder = MemoryRecorder()
    await _batcher(recorder).record([])
    assert recorder.calls == []


async def test_workers_get_a_hint_after_the_commit() -> None:
    recorder = MemoryRecorder()
    seen: list[int] = []

    async def hint() -> None:
        seen.append(len(recorder.events))

    batcher = _batcher(recorder, hints=hint)
    await batcher.record([_event("a")])
    await batcher.close()
    assert seen == [1]


async def test_a_lost_hint_changes_nothing() -> None:
    recorder = MemoryRecorder()
    tries: list[None] = []

    async def hint() -> None:
        tries.append(None)
        raise ConnectionError

    batcher = _batcher(recorder, hints=hint)
    await batcher.record([_event("a")])
    await batcher.close()
    await batcher.record([_event("b")])
    await batcher.close()
    assert len(recorder.events) == 2
    assert len(tries) == 2


async def test_closing_waits_for_what_was_handed_over() -> None:
    recorder = MemoryRecorder()
    recorder.gate.clear()
    batcher = _batcher(recorder)
    tasks = await _begin(batcher, ["a"])
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    assert not closing.done()
    recorder.gate.set()
    await closing
    await asyncio.gather(*tasks)
    assert len(recorder.events) == 1
