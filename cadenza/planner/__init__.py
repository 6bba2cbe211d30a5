"""The pure planner: where an enrollment goes from here, and when. Same input, same plan.

No clock, no storage, no randomness: jitter is drawn from a hash of who
and what, so every machine plans the same.
"""

from cadenza.planner.course import place_again, start, timer
from cadenza.planner.facts import digest_of, facts_of
from cadenza.planner.fitting import fit
from cadenza.planner.migration import migrate, migrated
from cadenza.planner.occurrences import advance, hold
from cadenza.planner.replay import FACTS, MIGRATED, LogEntry, replay
from cadenza.planner.state_json import state_from_json, state_to_json

__all__ = [
    "FACTS",
    "MIGRATED",
    "LogEntry",
    "advance",
    "digest_of",
    "facts_of",
    "fit",
    "hold",
    "migrate",
    "migrated",
    "place_again",
    "replay",
    "start",
    "state_from_json",
    "state_to_json",
    "timer",
]
