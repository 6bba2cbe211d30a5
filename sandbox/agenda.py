"""What people will do and when, in schedule time."""

import asyncio
import heapq
import itertools
import logging
from collections import deque
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
    """Runs each action when schedule time reaches it, earliest first, some at a time.

    conducted: whoever moves the clock says when the due ones begin (`act`), so that what people do
    in a moment never runs beside what Cadenza does in it.
    """

    def __init__(self, clock: ScheduleClock, *, conducted: bool = False) -> None:
        self._clock = clock
        self._conducted = conducted
        self._heap: list[tuple[int, int, Act]] = []
        self._last: list[tuple[int, int, Act]] = []
        self._ready: deque[Act] = deque()
        self._order = itertools.count()
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def after(self, delay_us: int, act: Act, *, last: bool = False) -> None:
        """Run `act` so many microseconds of schedule time from now."""
        self.at(self._clock.now_us() + delay_us, act, last=last)

    def at(self, due_us: int, act: Act, *, last: bool = False) -> None:
        """Run `act` at this schedule time; at once when that is past.

        last: in a conducted agenda it begins when all others of its moment are done.
        """
        heap = self._last if last else self._heap
        item = (due_us, next(self._order), act)
        heapq.heappush(heap, item)
        if heap[0] is item and self._timer is not None and not self._clock.can_jump:
            self._timer.cancel()
            self._timer = None
        self._arm()

    @property
    def next_due_us(self) -> int | None:
        """Schedule time of the next action that has not begun; None when there is none."""
        return min((heap[0][0] for heap in (self._heap, self._last) if heap), default=None)

    @property
    def pending(self) -> int:
        """How many actions have not begun."""
        return len(self._heap) + len(self._last) + len(self._ready)

    def is_idle(self) -> bool:
        """Return whether nothing is running, and nothing due may begin at this moment."""
        if self._running or self._ready:
            return False
        due_us = self.next_due_us
        return self._conducted or due_us is None or due_us > self._clock.now_us()

    def run_due(self) -> None:
        """Begin what is due, as far as there is room; the rest follows as room appears."""
        if not self._conducted:
            self._take_due(self._heap)
            self._take_due(self._last)
        while self._ready and len(self._running) < MOST_AT_ONCE and not self._closed:
            task = asyncio.ensure_future(self._run(self._ready.popleft()))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def act(self) -> None:
        """Begin what is due; the last ones only when nothing else is."""
        self._take_due(self._heap)
        if not self._ready:
            self._take_due(self._last)
        self.run_due()

    def run_on(self) -> None:
        """From now on actions begin by themselves."""
        self._conducted = False
        self._arm()

    def _take_due(self, heap: list[tuple[int, int, Act]]) -> None:
        now_us = self._clock.now_us()
        while heap and heap[0][0] <= now_us:
            self._ready.append(heapq.heappop(heap)[2])

    async def close(self) -> None:
        """Forget what is pending and cancel what is running."""
        self._closed = True
        for waiting in (self._heap, self._last, self._ready):
            waiting.clear()
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
        due_us = self.next_due_us
        if self._timer is not None or due_us is None or self._closed or self._conducted:
            return
        if len(self._running) >= MOST_AT_ONCE:
            return
        seconds = max((due_us - self._clock.now_us()) / 1_000_000, 0.0)
        if self._clock.can_jump:
            seconds = min(seconds, POLL_SECONDS)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self.run_due()
        self._arm()
