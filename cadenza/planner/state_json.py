"""An enrollment's state as JSON, and back: compact, exact to the microsecond."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cadenza.model import EnrollmentState, EnrollmentStatus, Outcome

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def state_to_json(state: EnrollmentState) -> dict[str, Any]:
    """JSON types only; moments are microseconds since 1970, UTC."""
    return {
        "status": state.status.value,
        "outcome": state.outcome.value if state.outcome else None,
        "step": state.step,
        "visits": dict(state.visits),
        "started_at": _number(state.started_at),
        "reached_at": _number(state.reached_at),
        "reached_day": state.reached_day,
        "history": {
            step: {what: _number(at) for what, at in of_step.items()}
            for step, of_step in state.history.items()
        },
    }


def state_from_json(document: Mapping[str, Any]) -> EnrollmentState:
    """The state that `state_to_json` was given."""
    outcome = document["outcome"]
    return EnrollmentState(
        status=EnrollmentStatus(document["status"]),
        outcome=Outcome(outcome) if outcome else None,
        step=document["step"],
        visit=document["visits"][document["step"]],
        visits=document["visits"],
        started_at=_moment(document["started_at"]),
        reached_at=_moment(document["reached_at"]),
        reached_day=document["reached_day"],
        history={
            step: {what: _moment(at) for what, at in of_step.items()}
            for step, of_step in document["history"].items()
        },
    )


def _number(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(number: int) -> datetime:
    return _EPOCH + number * _MICROSECOND
