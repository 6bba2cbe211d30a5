"""The ways through a cadence, and on which of its days each step stands on them."""

from cadenza.authoring.ways.walk import MOST_WAYS, Stop, Way, ways_through

__all__ = ["MOST_WAYS", "Stop", "Way", "ways_through"]
