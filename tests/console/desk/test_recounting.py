"""Whoever sends has looked at the ledger before: its accounts file may be new."""

from cadenza.settings import Settings
from console.processes import worker
from tests.console.desk.desk import Desk

USED = "select key, used from quota_use where used > 0 order by key"


async def test_a_worker_counts_what_left_before_it_begins(desk: Desk) -> None:
    await desk.line.enroll(4)
    await desk.line.run(days=0.4)
    before = await desk.line.rows(USED)
    assert sum(used for _, used in before) == 4
    await desk.line.execute("delete from quota_use")
    await desk.cadenza("status")  # so that other processes see the time of the test

    async with worker._open(Settings.load(), lambda: False):
        assert await desk.line.rows(USED) == before
