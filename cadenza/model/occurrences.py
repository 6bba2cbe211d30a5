"""What happens to an enrollment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """Something that happened to one enrollment, as its state machine sees it.

    kind: one of
    `sent` (also for a touch whose fate is unknown), `failed`, `skipped`
    (delivery had a reason not to send), `opened_task` (a planned task is
    due), `elapsed` (a planned timer is due), `event` (see `event`),
    `stopped`, `paused` (until resumed, or as data says {"days": 5} or
    {"until": "2026-05-04T08:00:00+00:00"}), `resumed`, `moved` (data
    {"step": …}), `finished` (data {"outcome": …}), `status` (data
    {"status": …}), `reopened` (data {"step": …}), `migrated`.
    step: the step that it is about, if it is about one (for events: the
    step whose touch was opened, clicked …). at: schedule time, aware, UTC.
    event: an `EventType`, the name of a declared signal, `colleague_` and
    an event, or `raw:opened` and `raw:clicked` (machines open and click
    too). data: specific to the kind, for instance {"disposition":
    "connected"} or {"outcome": "stopped", "reason": "…"}; {"visit": 2}
    says which visit of its step it is about.
    """

    kind: str
    at: datetime
    step: str | None = None
    event: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
