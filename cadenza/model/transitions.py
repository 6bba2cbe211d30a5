"""What follows from what happened: where to, what is planned, what else is to be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cadenza.model.channels import Channel
from cadenza.model.enrollments import EnrollmentState, position_name


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What an enrollment does next at one of its positions.

    channel: a sending channel, `task`, or `timer`. due_at: aware, UTC,
    whole seconds. window_end: the touch must have begun by then, else it
    is placed anew; None where any hour will do (timers). not_before: when a
    touch may go at the earliest; None: at due_at.
    """

    channel: Channel
    step: str
    visit: int
    due_at: datetime
    window_end: datetime | None
    not_before: datetime | None = field(default=None, compare=False)

    @property
    def position(self) -> str:
        """The name of the position that it belongs to."""
        return position_name(self.step, self.visit)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Something to do beside moving.

    | kind             | data                     |                                           |
    |------------------|--------------------------|-------------------------------------------|
    | notify_owner     | event, step              | the prospect responded                    |
    | open_task        | step, visit              | put a task on somebody's list             |
    | move_to          | cadence, carry, stay     | go on in another cadence; carry: names of |
    |                  |                          | fields, None for all of them              |
    | status           | status                   | the status in the CRM is this now         |
    | colleagues       | do (stop, pause), days,  | what the prospect's answer means for the  |
    |                  | event                    | others at the company                     |
    | tell_colleagues  | event                    | their branches may ask for it             |
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """What the state machine decided.

    replaced: names of the positions whose plans are void: left, or planned
    anew. plans: what is planned instead; of other positions everything
    stays as it is.
    """

    state: EnrollmentState
    replaced: frozenset[str] = frozenset()
    plans: Sequence[Planned] = ()
    effects: Sequence[Effect] = ()
