"""The rate limiter that all workers share: a whole batch in one round trip."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from cadenza.abc import Grant, Quota
from cadenza.clock import Clock
from cadenza.errors import LimiterUnavailable

_SCRIPT = Path(__file__).with_name("limiter.lua").read_text(encoding="utf-8")
_GRANTED = Grant(granted=True)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PREFIX = "cadenza:limit:"


class RedisLimiter:
    """`cadenza.abc.Limiter` over one Redis or Valkey. Fails closed."""

    def __init__(self, client: Redis, clock: Clock) -> None:
        self._script = client.register_script(_SCRIPT)
        self._clock = clock

    async def acquire(self, requests: Sequence[Sequence[Quota]]) -> Sequence[Grant]:
        """See `Limiter.acquire`."""
        quotas = {quota.key: quota for request in requests for quota in request}
        if not quotas:
            return [_GRANTED] * len(requests)
        index = {key: n for n, key in enumerate(quotas, start=1)}
        arguments: list[int] = [self._clock.offset() // _MICROSECOND, len(requests)]
        for quota in quotas.values():
            arguments += [max(1, quota.period // _MICROSECOND // quota.limit), quota.burst]
        for request in requests:
            arguments += [len(request), *(index[quota.key] for quota in request)]
        try:
            answer = await self._script(keys=[_PREFIX + key for key in quotas], args=arguments)
        except (RedisError, OSError) as error:
            raise LimiterUnavailable(type(error).__name__) from error
        ordered = list(quotas.values())
        return [
            _grant(int(answer[n]), int(answer[n + 1]), ordered) for n in range(0, len(answer), 2)
        ]


def _grant(retry_microseconds: int, refused: int, quotas: Sequence[Quota]) -> Grant:
    if refused == 0:
        return _GRANTED
    return Grant(
        granted=False,
        retry_at=_EPOCH + retry_microseconds * _MICROSECOND,
        reason=quotas[refused - 1].reason,
    )
