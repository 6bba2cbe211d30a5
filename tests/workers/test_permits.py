"""What is asked of the limiter: nothing for whom there is no room anyway."""

from collections.abc import Sequence
from typing import Any

import pytest

from cadenza.abc import Draw
from cadenza.accounts import LimitRow
from cadenza.limits import LimitRules
from cadenza.model import Quota
from tests.support.pipeline import accounts, pipeline
from workers.limiter import RedisLimiter


async def test_a_cap_that_refused_somebody_is_looked_at_before_rates_are_drawn_on(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = LimitRow.model_validate({"scope": "channel", "at_most": 9, "per": "day"})
    file = accounts(min_gap="none").model_copy(update={"limits": [limit]})
    asked: list[int] = []
    acquire = RedisLimiter.acquire

    async def counted(self: RedisLimiter, requests: Sequence[Sequence[Quota]]) -> Any:
        asked.append(len(requests))
        return await acquire(self, requests)

    monkeypatch.setattr(RedisLimiter, "acquire", counted)
    async with pipeline(database_url, redis_url, file=file) as line:
        await line.enroll(4)
        now = line.clock.now()
        caps = LimitRules(file).caps(Draw(account=file.accounts[0]))
        (cap,) = (cap for cap in caps if not cap.is_own)
        await line.execute(
            "insert into quota_use (key, window_start, used, cap) values ($1, $2, 9, 9)",
            cap.key,
            cap.window.bucket(now)[0],
        )
        for rest in (0, 1):
            await line.execute(
                """update due set due_at = $1::timestamptz, window_end = $1 + interval '4 hours'
                where enrollment_id % 2 = $2""",
                now,
                rest,
            )
            for batch_id in await line.release():
                await line.delivery.deliver(batch_id)
        assert asked == [2]
        assert not line.world.sent
        reasons = await line.rows("select reason, count(*) from due group by 1")
        assert reasons == [("channel_limit", 4)]
