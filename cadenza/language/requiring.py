"""Reads `require: {lost: [2 follow-up emails, 1 call]}`."""

import re
from collections.abc import Mapping, Sequence

from cadenza.language.cadence import Statuses
from cadenza.language.fields import Fields
from cadenza.language.known import Check, Known
from cadenza.language.known_fields import FIELD, FieldName
from cadenza.language.reporter import Reporter
from cadenza.language.requirements import (
    ApprovalOf,
    CallsDone,
    EmailsSent,
    FieldIsSet,
    Requirement,
)
from cadenza.language.source import Text, did_you_mean, listed
from cadenza.model import Outcome
from cadenza.steps.task import TaskStep

JUDGED = (Outcome.WON, Outcome.LOST, Outcome.NO_RESPONSE, Outcome.DISQUALIFIED)
"""The outcomes that are a rep's judgement. The others are facts, or a prospect's own wish."""

_SENTENCES = {
    "emails": re.compile(r"(?P<count>[1-9]\d?) (?P<follow_up>follow-up )?emails?"),
    "calls": re.compile(r"(?P<count>[1-9]\d?) calls?"),
    "approval": re.compile(r"approval of (?P<step>[a-z0-9][a-z0-9_-]*)"),
    "field": re.compile(rf"{FIELD} is set"),
}
_MEND = (
    "write `2 follow-up emails`, `2 emails`, `1 call`, `approval of <step>` "
    "or `subject.invoice_date is set`"
)


def take_requirements(
    cadence: Fields, statuses: Statuses | None
) -> tuple[Mapping[str, Sequence[Requirement]], Sequence[Check]]:
    """Read `require`, and what remains to be checked. What is wrong is reported."""
    fields = cadence.mapping("require")
    if fields is None:
        return {}, ()
    may = [*JUDGED, *(statuses.rules if statuses else ())]
    found: dict[str, Sequence[Requirement]] = {}
    checks: list[Check] = []
    for key in [*fields.keys()]:
        if key not in may:
            guess = did_you_mean(key, may)
            fields.reporter.problem(
                fields.key_place(key),
                f"`{key}` is no status and no outcome that can wait{guess}; write {listed(may)}",
            )
        texts = fields.texts(key) or ()
        read = [_read(text, fields.reporter, checks) for text in texts]
        found[key] = tuple(requirement for requirement in read if requirement is not None)
    return found, checks


def _read(text: Text, reporter: Reporter, checks: list[Check]) -> Requirement | None:
    sentence = " ".join(text.value.split())
    for kind, pattern in _SENTENCES.items():
        match = pattern.fullmatch(sentence)
        if match is None:
            continue
        match kind:
            case "emails":
                return EmailsSent(count=int(match["count"]), follow_ups=bool(match["follow_up"]))
            case "calls":
                return CallsDone(count=int(match["count"]))
            case "field":
                return FieldIsSet(field=FieldName(root=match["root"], name=match["field"]))
            case _:
                step = match["step"]
                checks.append(_approval_check(step, text, reporter))
                return ApprovalOf(step=step)
    reporter.problem(text.place, f"`{text.value}` cannot be required; {_MEND}")
    return None


def _approval_check(step: str, text: Text, reporter: Reporter) -> Check:
    def check(known: Known) -> None:
        place = text.at(max(0, text.value.rfind(step)))
        if step not in known.steps:
            reporter.problem(place, known.unknown_step(step), rule="unknown-step")
            return
        forms = [known.steps[form] for form in known.forms_of(step)]
        tasks = [form for form in forms if isinstance(form, TaskStep)]
        if None not in forms and not any(task.kind == "approval" for task in tasks):
            reporter.problem(place, f"`{step}` is no step `task: approval`")

    return check
