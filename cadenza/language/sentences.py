"""Conditions where they stand in a file, with their mistakes told at the very word."""

from cadenza.language.conditions.all_hold import AllHold
from cadenza.language.conditions.condition import Condition
from cadenza.language.conditions.disposition_is import DispositionIs
from cadenza.language.fields import Fields
from cadenza.language.known import Known
from cadenza.language.source import Text
from cadenza.language.step_context import StepContext
from cadenza.language.when import parse_when

MOST_CONDITIONS = 20


def take_condition(fields: Fields, key: str, context: StepContext) -> Condition | None:
    """The condition under `key`, or all of a list; None if there is none or a wrong one."""
    if not fields.is_list(key):
        text = fields.text(key)
        return _read(fields, text, context) if text else None
    texts = fields.texts(key) or ()
    if len(texts) > MOST_CONDITIONS:
        fields.problem(key, f"a list has at most {MOST_CONDITIONS} conditions")
        return None
    if not texts:
        fields.problem(key, f"`{key}` is an empty list; write a condition")
        return None
    conditions = [condition for text in texts if (condition := _read(fields, text, context))]
    return AllHold(conditions=tuple(conditions)) if len(conditions) == len(texts) else None


def _read(fields: Fields, text: Text, context: StepContext) -> Condition | None:
    try:
        condition = parse_when(text.value, context.days)
    except ValueError as error:
        fields.reporter.problem(text.place, str(error))
        return None

    def check(known: Known) -> None:
        trouble = condition.trouble(known)
        if trouble:
            word, message = trouble
            offset = max(0, text.value.lower().find(word))
            fields.reporter.problem(text.at(offset), message, rule=_rule(condition, word))

    context.check(check)
    return condition


def _rule(condition: Condition, word: str) -> str:
    """How `cadenza lint` calls a word that is not known."""
    if word == getattr(condition, "step", None):
        return "unknown-step"
    return "unknown-disposition" if isinstance(condition, DispositionIs) else "unknown-name"
