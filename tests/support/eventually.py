"""Wait for something that another process or task will bring about."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

_Seen = TypeVar("_Seen")
_LOOK_SECONDS = 0.005


async def eventually(
    predicate: Callable[[], Awaitable[_Seen]], timeout_seconds: float = 10.0
) -> _Seen:
    """The first true value that `predicate` returns; it is asked every few milliseconds.

    Raises AssertionError with the last value if none was true in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while not (seen := await predicate()):
        if time.monotonic() > deadline:
            name = getattr(predicate, "__name__", repr(predicate))
            raise AssertionError(f"{name} was {seen!r} still after {timeout_seconds:g} s")
        await asyncio.sleep(_LOOK_SECONDS)
    return seen
