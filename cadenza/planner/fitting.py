"""What is planned, moved into the window of the account that it leaves from."""

from dataclasses import replace

from cadenza.calendars import Window, WorkCalendar, both_open, draw, place
from cadenza.language.cadence import Cadence
from cadenza.model import Planned, Profile


def fit(
    planned: Planned,
    cadence: Cadence,
    profile: Profile,
    within: Window,
    calendar: WorkCalendar | None = None,
) -> Planned:
    """`planned`, never earlier: at its time if `within` is open then, else at the next opening.

    within: the account's own window. Raises NoOpening.
    """
    slot = place(
        both_open(cadence.windows[planned.channel], within),
        profile.time_zone,
        planned.due_at,
        drawn=draw(profile.key, cadence.name, planned.step, planned.visit),
        at_once=True,
        calendar=calendar,
        channel=planned.channel,
        service=cadence.service,
    )
    return replace(planned, due_at=slot.due_at, window_end=slot.window_end)
