"""The pure planner: where an enrollment goes from here, and when. Same input, same plan.

No clock, no storage, no randomness: jitter is drawn from a hash of who
and what, so every machine plans the same.
"""

from cadenza.planner.course import place_again, start
from cadenza.planner.occurrences import advance, hold
from cadenza.planner.state_json import state_from_json, state_to_json

__all__ = ["advance", "hold", "place_again", "start", "state_from_json", "state_to_json"]
