"""Bounds the sends under way on one open sender, and lets it be closed when they are done."""

import asyncio
from types import TracebackType

from cadenza.errors import TransientSendError


class Gate:
    """Lets at most `width` callers in at once; used as `async with gate:`.

    Closed at first. Who comes while it is closed gets TransientSendError:
    nothing has left, so the touch can be put back.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._places = asyncio.Semaphore(width)
        self._closing = asyncio.Lock()
        self._is_open = False

    def open(self) -> None:
        """Let callers in. Idempotent."""
        self._is_open = True

    async def close(self) -> None:
        """Let nobody in any more, and return when everybody is out. Idempotent."""
        self._is_open = False
        async with self._closing:
            for _ in range(self._width):
                await self._places.acquire()
            for _ in range(self._width):
                self._places.release()

    async def __aenter__(self) -> None:
        await self._places.acquire()
        if not self._is_open:
            self._places.release()
            raise TransientSendError("the sender is not open", code="closed")

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._places.release()
