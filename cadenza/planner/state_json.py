"""An enrollment's state as JSON, and back: compact, exact to the microsecond."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cadenza.model import EnrollmentState, EnrollmentStatus, Outcome, Position

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ALWAYS = frozenset(
    {"status", "outcome", "step", "visits", "started_at", "reached_at", "reached_day", "history"}
)


def state_to_json(state: EnrollmentState) -> dict[str, Any]:
    """JSON types only; moments are microseconds since 1970, UTC. What is empty is left out."""
    document = {
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
        "lanes": {
            lane: [p.step, p.visit, _number(p.reached_at), p.reached_day]
            for lane, p in state.lanes.items()
        },
        "variants": dict(state.variants),
        "crm_status": state.crm_status,
        "paused_until": _number(state.paused_until) if state.paused_until else None,
    }
    return {key: value for key, value in document.items() if value or key in _ALWAYS}


def state_from_json(document: Mapping[str, Any]) -> EnrollmentState:
    """The state that `state_to_json` was given."""
    outcome, until = document["outcome"], document.get("paused_until")
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
        lanes={
            lane: Position(step=step, visit=visit, reached_at=_moment(at), reached_day=day)
            for lane, (step, visit, at, day) in document.get("lanes", {}).items()
        },
        variants=document.get("variants", {}),
        crm_status=document.get("crm_status"),
        paused_until=_moment(until) if until is not None else None,
    )


def _number(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(number: int) -> datetime:
    return _EPOCH + number * _MICROSECOND
