"""What ends or pauses a cadence from outside its steps: `exit: {replied: stop, …}`."""

import re
from collections.abc import Mapping

from cadenza.language.cadence import CARRY_ON, ColleagueRule, ExitRule, Reaction
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
_COLLEAGUES = re.compile(
    r"(?P<word>stop|continue)|pause (?P<count>[1-9]\d{0,2}) (?P<unit>days?|weeks?)"
)


def take_objective(cadence: Fields, signals: Mapping[str, Reaction]) -> str:
    """Read `objective`: an event, or a signal that is only heard."""
    cadence.missing("objective", "say what the cadence is for; write `objective: meeting_booked`")
    heard = [name for name, reaction in signals.items() if reaction.action == "heard"]
    text = cadence.text("objective")
    if text is not None and text.value in signals and text.value not in heard:
        cadence.problem(
            "objective",
            f"the objective ends the cadence as `won`; write `{text.value}: heard` under `signals`",
        )
        return text.value
    return cadence.choice("objective", (*OBJECTIVES, *heard)) or EventType.GOAL


def take_exits(
    cadence: Fields, *, service: bool, objective: str, signals: Mapping[str, Reaction]
) -> Mapping[str, ExitRule]:
    """Read `exit` over what holds where it says nothing. What is wrong is reported."""
    exits: dict[str, ExitRule] = {
        event: _stop(event) for event in (_STOPS_SERVICE if service else _STOPS_SALES)
    }
    exits[objective] = ExitRule(action="stop", outcome=Outcome.WON)
    fields = cadence.mapping("exit")
    if fields is None:
        return exits
    heard = [name for name, reaction in signals.items() if reaction.action == "heard"]
    known = (*EXIT_EVENTS, *heard)
    for key in [*fields.keys()]:
        if key not in known:
            guess = did_you_mean(key, known)
            fields.reporter.problem(
                fields.key_place(key),
                f"`{key}` is no event that can end a cadence{guess}; write {listed(known)}",
            )
            continue
        rule = _take_rule(fields, key)
        if rule is not None:
            exits[key] = rule
        if not service and rule and rule.action != "stop" and key in _ALWAYS_STOPS_SALES:
            fields.problem(
                key,
                f"a sales cadence always stops when somebody {key}; write `{key}: stop`",
            )
    return exits


def _stop(event: str) -> ExitRule:
    outcome = _OUTCOME_OF_STOP.get(EventType(event)) if event in {*EventType} else None
    return ExitRule(action="stop", outcome=outcome or Outcome.STOPPED)


def _take_rule(fields: Fields, event: str) -> ExitRule | None:
    if fields.is_mapping(event):
        return _take_long_rule(fields, event)
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


def _take_long_rule(fields: Fields, event: str) -> ExitRule | None:
    said = fields.mapping(event)
    if said is None:
        return None
    said.missing("do", "say what happens: `do: stop`, `do: pause` or `do: continue`")
    do, outcome = said.choice("do", _ACTIONS), said.choice("outcome", [*Outcome])
    colleagues = _take_colleagues(said)
    said.done()
    if outcome and do not in (None, "stop"):
        said.problem("outcome", f"`{do}` does not end it; remove `outcome`")
    match do:
        case "stop":
            stop = _stop(event).outcome if outcome is None else Outcome(outcome)
            return ExitRule(action="stop", outcome=stop, colleagues=colleagues)
        case "pause":
            return ExitRule(action="pause", colleagues=colleagues)
        case "continue":
            return ExitRule(action="continue", colleagues=colleagues)
        case _:
            return None


def _take_colleagues(said: Fields) -> ColleagueRule:
    text = said.text("colleagues")
    if text is None:
        return CARRY_ON
    match = _COLLEAGUES.fullmatch(" ".join(text.value.split()))
    if match is None:
        said.problem(
            "colleagues",
            f"`colleagues: {text.value}` is not known; write `stop`, `pause 5 days` or `continue`",
        )
        return CARRY_ON
    if match["word"]:
        return ColleagueRule(action="stop") if match["word"] == "stop" else CARRY_ON
    days = int(match["count"]) * (7 if match["unit"].startswith("week") else 1)
    return ColleagueRule(action="pause", pause_days=days)
