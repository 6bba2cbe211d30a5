"""As much of PromQL as is needed to see which metrics and labels an expression names."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitoring.declaration import Declaration, Kind
from monitoring.reference import declarations

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_RANGE = re.compile(r"\[[^\]]*\]|offset\s+[$\w]+")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?(\s*\()?")
_MATCHED_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_WORDS = {"and", "or", "unless", "bool"}

TARGET_LABELS = {"job", "instance"}
"""Prometheus itself puts these on every series; a metric must not have one of its own."""

FOREIGN: Mapping[str, set[str]] = {
    "up": set(),
    "ALERTS": {"alertname", "alertstate", "severity"},
    "process_start_time_seconds": set(),
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
}
"""Metrics of Prometheus and of its client library that we use, with their labels."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What an expression names. matched: metric → labels in its braces."""

    metrics: set[str]
    matched: Sequence[tuple[str, set[str]]]
    grouped: set[str]


def read(expression: str) -> Reading:
    """What `expression` names."""
    bare = _RANGE.sub("", _STRING.sub("''", expression))
    grouped = {
        label.strip()
        for match in _GROUPING.finditer(bare)
        for label in match[1].split(",")
        if label.strip()
    }
    selectors = list(_selectors(_GROUPING.sub(" ", bare)))
    return Reading(metrics={name for name, _ in selectors}, matched=selectors, grouped=grouped)


def _selectors(text: str) -> Iterator[tuple[str, set[str]]]:
    for match in _SELECTOR.finditer(text):
        name, braces, is_call = match.groups()
        if not is_call and name not in _WORDS:
            yield name, set(_MATCHED_LABEL.findall(braces or ""))


def known_series() -> dict[str, set[str]]:
    """Every series name that can be queried, with its labels."""
    series = {name: labels | TARGET_LABELS for name, labels in FOREIGN.items()}
    for declared in declarations().values():
        for declaration in declared:
            series |= _series_of(declaration)
    return series


def _series_of(declaration: Declaration) -> dict[str, set[str]]:
    labels = set(declaration.labels) | TARGET_LABELS
    if declaration.kind is not Kind.HISTOGRAM:
        return {declaration.name: labels}
    return {
        f"{declaration.name}_sum": labels,
        f"{declaration.name}_count": labels,
        f"{declaration.name}_bucket": labels | {"le"},
    }


def faults(expression: str, series: Mapping[str, set[str]]) -> list[str]:
    """What `expression` names that does not exist."""
    reading = read(expression)
    found = [f"unknown metric {name}" for name in reading.metrics if name not in series]
    found += [
        f"{name} has no label {label}"
        for name, labels in reading.matched
        for label in labels - series.get(name, labels)
    ]
    available = set().union(*(series.get(name, set()) for name in reading.metrics))
    found += [f"nothing here has the label {label}" for label in reading.grouped - available]
    return sorted(found)
