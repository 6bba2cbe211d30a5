"""How a metric is declared."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of metric that Cadenza exposes."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """One metric family, as Prometheus knows it.

    name: as queries write it, so counters end in `_total` and histograms
    go without `_bucket`. labels: names, in the order in which values are given.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
