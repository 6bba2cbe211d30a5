"""What ends or pauses a cadence from outside its steps: `exit: {replied: stop, …}`."""

from collections.abc import Mapping

from cadenza.language.cadence import ExitRule
from cadenza.language.fields import Fields
from cadenza.language.source import did_you_mean, listed
from cadenza.model import EventType, Outcome

OBJECTIVES = (
    EventType.MEETING_BOOKED,
    EventType.GOAL,
    EventType.REPLIED,
    EventType.CLICKED,
    EventType.CONNECTION_ACCEPTED,
)

EXIT_EVENTS = (
    EventType.REPLIED,
    EventType.BOUNCED,
    EventType.UNSUBSCRIBED,
    EventType.COMPLAINED,
    EventType.MEETING_BOOKED,
    EventType.GOAL,
    EventType.CLICKED,
    EventType.OPENED,
    EventType.CONNECTION_ACCEPTED,
)

_OUTCOME_OF_STOP = {
    EventType.REPLIED: Outcome.REPLIED,
    EventType.BOUNCED: Outcome.BOUNCED,
    EventType.UNSUBSCRIBED: Outcome.OPTED_OUT,
    EventType.COMPLAINED: Outcome.OPTED_OUT,
    EventType.MEETING_BOOKED: Outcome.WON,
    EventType.GOAL: Outcome.WON,
}
_STOPS_SALES = (
    EventType.REPLIED,
    EventType.BOUNCED,
    EventType.UNSUBSCRIBED,
    EventType.COMPLAINED,
)
_STOPS_SERVICE = (EventType.BOUNCED,)

# Somebody who says no to marketing is not asked again (CAN-SPAM §5(a)(4)).
_ALWAYS_STOPS_SALES = (EventType.UNSUBSCRIBED, EventType.COMPLAINED)

_ACTIONS = ("stop", "pause", "continue")


def _stop(event: EventType) -> ExitRule:
    return ExitRule(action="stop", outcome=_OUTCOME_OF_STOP.get(event, Outcome.STOPPED))


def take_exits(
    cadence: Fields, *, service: bool, objective: EventType
) -> Mapping[EventType, ExitRule]:
    """Read `exit` over what holds where it says nothing. What is wrong is reported."""
    exits = {event: _stop(event) for event in (_STOPS_SERVICE if service else _STOPS_SALES)}
    exits[objective] = ExitRule(action="stop", outcome=Outcome.WON)
    fields = cadence.mapping("exit")
    if fields is None:
        return exits
    for key in fields.keys():  # noqa: SIM118 - these are fields, no mapping
        if key in EXIT_EVENTS:
            rule = _take_rule(fields, EventType(key))
            if rule is not None:
                exits[EventType(key)] = rule
            if not service and rule and rule.action != "stop" and key in _ALWAYS_STOPS_SALES:
                fields.problem(
                    key, f"a sales cadence always stops when somebody {key}; write `{key}: stop`"
                )
        else:
            guess = did_you_mean(key, EXIT_EVENTS)
            fields.reporter.problem(
                fields.key_place(key),
                f"`{key}` is no event that can end a cadence{guess}; write {listed(EXIT_EVENTS)}",
            )
    return exits


def _take_rule(fields: Fields, event: EventType) -> ExitRule | None:
    word = fields.choice(event, (*_ACTIONS, *Outcome))
    match word:
        case None:
            return None
        case "stop":
            return _stop(event)
        case "pause":
            return ExitRule(action="pause")
        case "continue":
            return ExitRule(action="continue")
        case outcome:
            return ExitRule(action="stop", outcome=Outcome(outcome))
