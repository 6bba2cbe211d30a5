"""The pure planner: where an enrollment goes from here, and when. Same input, same plan.

No clock, no storage, no randomness: jitter is drawn from a hash of who
and what, so every machine plans the same.
"""

from datetime import datetime
from typing import Any

from cadenza.language.cadence import Cadence
from cadenza.model import EnrollmentState, Occurrence, Planned, Profile, Transition


def start(cadence: Cadence, profile: Profile, now: datetime) -> Transition:
    """Begin the cadence: day 1 is `now`'s day in the prospect's zone."""
    raise NotImplementedError


def advance(
    cadence: Cadence,
    state: EnrollmentState,
    profile: Profile,
    occurrence: Occurrence,
    now: datetime,
) -> Transition:
    """What `occurrence` changes. Anything that came before changes nothing the second time."""
    raise NotImplementedError


def place_again(
    cadence: Cadence, state: EnrollmentState, profile: Profile, not_before: datetime
) -> Planned:
    """The present step's touch or task after a deferral: the next opening from `not_before` on."""
    raise NotImplementedError


def state_to_json(state: EnrollmentState) -> dict[str, Any]:
    """JSON types only; `state_from_json` gives back the same state, to the microsecond."""
    raise NotImplementedError


def state_from_json(document: dict[str, Any]) -> EnrollmentState:
    """The inverse of `state_to_json`."""
    raise NotImplementedError
