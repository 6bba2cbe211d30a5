"""What people will do and when, in schedule time."""

import asyncio
import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable

from sandbox.clock import ScheduleClock

logger = logging.getLogger(__name__)

Act = Callable[[], Awaitable[None]]

POLL_SECONDS = 0.005
"""How soon a jump of the clock is noticed while something is pending.

Waking up costs some 80 µs of processor time, so polling every 2 ms takes 4 % of a core and every
5 ms 1.6 %. Whoever asks for the state right after a jump makes it noticed at once.
"""

MOST_AT_ONCE = 64


class Agenda:
    """Runs each action when schedule time reaches it, earliest first, some at a time."""

    def __init__(self, clock: ScheduleClock) -> None:
        self._clock = clock
        self._heap: list[tuple[int, int, Act]] = []
        self._order = itertools.count()
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def after(self, delay_us: int, act: Act) -> None:
        """Run `act` so many microseconds of schedule time from now."""
        self.at(self._clock.now_us() + delay_us, act)

    def at(self, due_us: int, act: Act) -> None:
        """Run `act` at this schedule time; at once when that is past."""
        item = (due_us, next(self._order), act)
        heapq.heappush(self._heap, item)
        if self._heap[0] is item and self._timer is not None and not self._clock.can_jump:
            self._timer.cancel()
            self._timer = None
        self._arm()

    @property
    def next_due_us(self) -> int | None:
        """Schedule time of the next action that has not begun; None when there is none."""
        return self._heap[0][0] if self._heap else None

    @property
    def pending(self) -> int:
        """How many actions have not begun."""
        return len(self._heap)

    def is_idle(self) -> bool:
        """Return whether nothing is due and nothing is running, at this moment."""
        if self._running:
            return False
        return not self._heap or self._heap[0][0] > self._clock.now_us()

    def run_due(self) -> None:
        """Begin what is due, as far as there is room; the rest follows as room appears."""
        now_us = self._clock.now_us()
        while (
            self._heap
            and self._heap[0][0] <= now_us
            and len(self._running) < MOST_AT_ONCE
            and not self._closed
        ):
            _, _, act = heapq.heappop(self._heap)
            task = asyncio.ensure_future(self._run(act))
            self._running.add(task)
            task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Forget what is pending and cancel what is running."""
        self._closed = True
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, act: Act) -> None:
        try:
            await act()
        except Exception:  # one person's trouble must not stop the world; the log keeps the bug
            logger.exception("an action failed")

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._timer is None:  # it was full
            self._wake()

    def _arm(self) -> None:
        if self._timer is not None or not self._heap or self._closed:
            return
        if len(self._running) >= MOST_AT_ONCE:
            return
        seconds = max((self._heap[0][0] - self._clock.now_us()) / 1_000_000, 0.0)
        if self._clock.can_jump:
            seconds = min(seconds, POLL_SECONDS)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self.run_due()
        self._arm()
