"""What people do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """A task for a person, as its step describes it, rendered.

    voicemail: what to say to a machine. mandatory: the items of the
    checklist without which it is not done. assignee: a role or an owner
    id; None: the prospect's owner.
    """

    kind: str
    title: str
    script: str
    checklist: Sequence[str]
    dispositions: Sequence[str]
    due_in: timedelta
    voicemail: str = ""
    mandatory: Sequence[str] = ()
    assignee: str | None = None
