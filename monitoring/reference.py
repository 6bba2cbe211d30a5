"""The reference of all metrics, as Markdown, out of their declarations.

`python -m monitoring.reference docs/monitoring.md` writes it anew between
the two marks of that file; a test compares them.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from prometheus_client import CollectorRegistry

from cadenza.insight.overview import BatchState
from cadenza.model import Channel, EventType, Outcome, TouchStatus
from monitoring import exporter
from monitoring.declaration import Declaration
from monitoring.metrics import (
    GROUPS,
    Actor,
    PassPart,
    Phase,
    Process,
    ReapReason,
    Refusal,
    SendResult,
)

BEGIN = "<!-- metrics: made by `python -m monitoring.reference docs/monitoring.md` -->"
END = "<!-- end of metrics -->"

_TITLES = ("Every process", "Schedulers", "Workers", "Gateway and mailbox reader")


def _words(words: type[StrEnum]) -> str:
    return ", ".join(f"`{word}`" for word in words)


LABELS: Mapping[str, str] = {
    "account": "ids of the sender accounts in the accounts file",
    "action": "of overdue touches: `reflowed`, `skipped`",
    "actor": _words(Actor),
    "cadence": "names of applied cadences; empty where a count is about none",
    "channel": f"{_words(Channel)}; empty where a count is about none",
    "disposition": "what the steps of applied cadences call the results of their tasks",
    "forbids": "`everything`, `marketing`",
    "outcome": _words(Outcome),
    "part": _words(PassPart),
    "phase": _words(Phase),
    "process": _words(Process),
    "provider": "providers of the registered senders",
    "reason": "of deferrals and waiting touches: see *Why a touch waits*; "
    f"of refused events: {_words(Refusal)}; of reaped batches: "
    f"{_words(ReapReason)}",
    "result": _words(SendResult),
    "source": "names of the registered event sources",
    "state": f"of batches: {_words(BatchState)}; of shards: `leased`, `unleased`",
    "status": f"of touches: {_words(TouchStatus)}; of enrollments: `active`, `paused`",
    "step": "step ids of applied cadences; empty where a count is about none",
    "type": f"{_words(EventType)}; or names of signals that applied cadences declare",
    "verdict": "of enrollments: `enrolled`, `duplicate`, `refused`, `rejected`; of signals: "
    "`recorded`, `rejected`",
    "version": "the version of Cadenza that the process runs",
}
"""Label → the closed set of its values. Never a person, an address or a free text."""


def declarations() -> Mapping[str, Sequence[Declaration]]:
    """All declared metrics, by who exposes them."""
    groups = {
        title: tuple(group(CollectorRegistry()).declarations)
        for title, group in zip(_TITLES, GROUPS, strict=True)
    }
    return {"The deployment, by the exporter": exporter.DECLARATIONS} | groups


def reference() -> str:
    """The tables of metrics and of labels, with the marks around them."""
    lines = [BEGIN]
    for title, declared in declarations().items():
        lines += ["", f"### {title}", "", "| metric | kind | labels | |", "|---|---|---|---|"]
        lines += [_row(declaration) for declaration in declared]
    lines += ["", "### Labels", "", "| label | values |", "|---|---|"]
    lines += [f"| `{label}` | {values} |" for label, values in LABELS.items()]
    return "\n".join([*lines, "", END])


def _row(declaration: Declaration) -> str:
    labels = ", ".join(f"`{label}`" for label in declaration.labels)
    return f"| `{declaration.name}` | {declaration.kind} | {labels} | {declaration.help} |"


def with_reference(page: str) -> str:
    """`page` with what is between the marks made anew. Raises ValueError without the marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks the lines\n{BEGIN}\n{END}")
    return before + reference() + after


def main(arguments: Iterable[str]) -> None:
    """Write the reference anew into each file."""
    for path in map(Path, arguments):
        path.write_text(with_reference(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
