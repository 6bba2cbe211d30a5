"""Hints that nobody reads."""

import pytest

import workers.broker
from workers.broker import CHORES, DELIVER, DramatiqHints, make_broker


async def test_hints_that_nobody_reads_do_not_pile_up(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers.broker, "MOST_UNREAD", 20)
    broker = make_broker(redis_url)
    hints = DramatiqHints(broker)
    for n in range(50):
        await hints.batches([n])  # type: ignore[list-item]
        await hints.sweep()
    assert broker.unread(DELIVER) == 20
    assert broker.unread(CHORES) == 20
    broker.flush_all()
    await hints.events()
    assert broker.unread(CHORES) == 1
    hints.close()
