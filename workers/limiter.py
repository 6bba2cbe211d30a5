"""The rate limiter that all workers share: a whole batch in one round trip."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from cadenza.clock import Clock
from cadenza.errors import LimiterUnavailable
from cadenza.model import Grant, Quota

_HERE = Path(__file__)
_SCRIPT = _HERE.with_name("limiter.lua").read_text(encoding="utf-8")
_BEGIN = _HERE.with_name("limiter_begin.lua").read_text(encoding="utf-8")
_GRANTED = Grant(granted=True)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PREFIX = "cadenza:limit:"
_BORN = f"{_PREFIX}born"


class RedisLimiter:
    """`cadenza.abc.Limiter` over one Redis or Valkey. Fails closed."""

    def __init__(self, client: Redis, clock: Clock) -> None:
        self._script = client.register_script(_SCRIPT)
        self._begin = client.register_script(_BEGIN)
        self._clock = clock

    async def acquire(self, requests: Sequence[Sequence[Quota]]) -> Sequence[Grant]:
        """See `Limiter.acquire`."""
        quotas = {quota.key: quota for request in requests for quota in request}
        if not quotas:
            return [_GRANTED] * len(requests)
        index = {key: n for n, key in enumerate(quotas, start=1)}
        arguments: list[int] = [*self._times(), len(requests)]
        for quota in quotas.values():
            arguments += [interval_of(quota), quota.burst, int(quota.at_begin)]
        for request in requests:
            arguments.append(len(request))
            for quota in request:
                arguments += [index[quota.key], quota.cost]
        keys = [_BORN, *(_PREFIX + key for key in quotas)]
        try:
            answer = await self._script(keys=keys, args=arguments)
        except (RedisError, OSError) as error:
            raise LimiterUnavailable(type(error).__name__) from error
        ordered = list(quotas.values())
        return [
            _grant(int(answer[n]), int(answer[n + 1]), ordered) for n in range(0, len(answer), 2)
        ]

    async def begin(self, quotas: Sequence[Quota]) -> Grant:
        """See `Limiter.begin`."""
        kept = [quota for quota in quotas if quota.at_begin]
        if not kept:
            return _GRANTED
        keys = [name for q in kept for name in (_PREFIX + q.key, f"{_PREFIX}{q.key}:began")]
        arguments = [*self._times(), *(interval_of(quota) for quota in kept)]
        try:
            answer = await self._begin(keys=keys, args=arguments)
        except (RedisError, OSError) as error:
            raise LimiterUnavailable(type(error).__name__) from error
        return _grant(int(answer[0]), int(answer[1]), kept)

    def _times(self) -> tuple[int, int]:
        """What schedule time is ahead of the server's; and where it stands still, or 0."""
        standing = self._clock.standing()
        stands_at = (standing - _EPOCH) // _MICROSECOND if standing else 0
        return self._clock.offset() // _MICROSECOND, stands_at


def interval_of(quota: Quota) -> int:
    """Microseconds between permits, so that no period ever holds more than `limit`.

    A period that begins with a whole burst holds that, and one more after
    each interval: `burst - 1 + period / interval`.
    """
    return max(1, -(-(quota.period // _MICROSECOND) // (quota.limit - quota.burst + 1)))


def _grant(retry_microseconds: int, refused: int, quotas: Sequence[Quota]) -> Grant:
    if refused == 0:
        return _GRANTED
    return Grant(
        granted=False,
        retry_at=_EPOCH + retry_microseconds * _MICROSECOND,
        reason=quotas[refused - 1].reason,
    )
