"""Which variant of each experiment an enrollment gets: drawn once, when it begins."""

from collections.abc import Mapping

from cadenza.calendars import draw
from cadenza.language.cadence import Cadence
from cadenza.model import Profile


def draw_variants(cadence: Cadence, profile: Profile) -> Mapping[str, str]:
    """Experiment → variant, by the weights of now.

    The same prospect gets the same variant of a cadence's experiment each
    time, as long as its weights stay. Pure.
    """
    return {
        experiment: _drawn(of.weights, draw(profile.key, cadence.name, experiment))
        for experiment, of in cadence.experiments.items()
    }


def _drawn(weights: Mapping[str, int], drawn: int) -> str:
    """The variant at `drawn` / 2⁶⁴ of the way through all weights."""
    at = drawn * sum(weights.values()) >> 64
    for variant, weight in weights.items():
        at -= weight
        if at < 0:
            return variant
    raise ValueError("an experiment has at least one variant with a weight over 0")
