import asyncio

import pytest

from cadenza.errors import TransientSendError
from senders.gate import Gate
from tests.support.eventually import in_time


async def test_a_closed_gate_lets_nobody_in() -> None:
    gate = Gate(1)
    with pytest.raises(TransientSendError):
        async with gate:
            pytest.fail("came in")
    gate.open()
    async with gate:
        pass


async def test_whoever_waits_when_the_gate_closes_does_not_come_in() -> None:
    gate = Gate(1)
    gate.open()
    leave = asyncio.Event()
    came_in: list[int] = []

    async def visit(number: int) -> None:
        async with gate:
            came_in.append(number)
            await leave.wait()

    visits = [asyncio.create_task(visit(number)) for number in range(3)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(gate.close())
    await asyncio.sleep(0)
    leave.set()
    await closing
    results = await asyncio.gather(*visits, return_exceptions=True)
    assert came_in == [0]
    assert [type(r) for r in results[1:]] == [TransientSendError] * 2


async def test_a_visitor_who_gives_up_waiting_takes_no_place() -> None:
    gate = Gate(1)
    gate.open()
    async with gate:
        waiting = asyncio.create_task(gate.__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with in_time():
        await gate.close()
