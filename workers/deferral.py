"""When a touch that could not go now goes instead, and what that is called."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from cadenza.model import Planned
from cadenza.storage.due import DueTouch

MOST_ATTEMPTS = 8
_FIRST_RETRY = timedelta(minutes=5)
_LONGEST_RETRY = timedelta(hours=4)


def put_off(
    touch: DueTouch,
    until: datetime,
    reason: str,
    *,
    again: Callable[[datetime], Planned],
    tried: bool = False,
) -> DueTouch:
    """`touch` again, not before `until`: at `until` itself if its window is still open, else anew.

    again: where the touch goes from a moment on. tried: it was really
    attempted, which counts towards `MOST_ATTEMPTS`.
    """
    attempts = touch.attempts + tried
    if touch.window_end is None or until < touch.window_end:
        return replace(touch, due_at=until, reason=reason, attempts=attempts)
    return replace(moved_to(touch, again(until), reason), attempts=attempts)


def moved_to(touch: DueTouch, planned: Planned, reason: str) -> DueTouch:
    """`touch` at the time that is planned for it now."""
    return replace(touch, due_at=planned.due_at, window_end=planned.window_end, reason=reason)


def backoff(attempts: int) -> timedelta:
    """How long to wait after `attempts` failed ones: 5 minutes, doubled, at most 4 hours."""
    return min(_FIRST_RETRY * (1 << attempts), _LONGEST_RETRY)
