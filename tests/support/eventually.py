"""Wait for something that another process or task will bring about."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

_Seen = TypeVar("_Seen")
_LOOK_SECONDS = 0.005

PATIENCE_SECONDS = 60.0
"""How long a test waits for what must happen: a busy machine takes its time.

Only a failure ever waits so long, so it costs nothing. Not for what is to
be quick, nor for what must not happen.
"""


def in_time() -> asyncio.Timeout:
    """A block that must come to its end: `async with in_time(): …`."""
    return asyncio.timeout(PATIENCE_SECONDS)


async def eventually(
    predicate: Callable[[], Awaitable[_Seen]], timeout_seconds: float = PATIENCE_SECONDS
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
