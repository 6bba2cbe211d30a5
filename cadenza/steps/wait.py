"""`wait:` lets time pass: a span, until a date in a field, or until something happens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from cadenza.abc import Standing, StepType
from cadenza.calendars import local_date, start_of_day
from cadenza.language.conditions.condition import Condition
from cadenza.language.fields import Fields
from cadenza.language.known_fields import FieldName, parse_field
from cadenza.language.sentences import take_condition
from cadenza.language.step_context import StepContext
from cadenza.language.timing import Gap, days_passed, take_gap
from cadenza.model import GoTo, Verdict, WaitUntil

_FIRST_YEAR, _LAST_YEAR = 1970, 2199


@dataclass(frozen=True, kw_only=True)
class UntilDate:
    """Until the date in a field, or `before` it. missing: where to go without a date."""

    field: FieldName
    before: Gap | None
    missing: str | None


@dataclass(frozen=True, kw_only=True)
class ForCondition:
    """Until a condition holds.

    at_most: no longer than that; None: however long it takes. otherwise:
    where to go then; None: on with what follows. said: the condition as
    it is written.
    """

    when: Condition
    at_most: Gap | None
    otherwise: str | None
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class WaitStep(StepType):
    """A pause. One of days ends as its last day begins, so that the whole day is there to act.

    Just one of gap, until and awaited is set.
    """

    name: ClassVar[str] = "wait"
    keys: ClassVar[frozenset[str]] = frozenset({"variants"})

    gap: Gap | None = None
    until: UntilDate | None = None
    awaited: ForCondition | None = None

    def plan(self, standing: Standing) -> Verdict:
        state, days, zone = standing.state, standing.days, standing.profile.time_zone
        if self.until is not None:
            return self._until_date(self.until, standing)
        if self.awaited is not None:
            return self._for_condition(self.awaited, standing)
        end = self.gap.day_after(state.reached_at, days, zone) if self.gap else state.reached_at
        return _wait(standing, end)

    def _until_date(self, until: UntilDate, standing: Standing) -> Verdict:
        state, days, zone = standing.state, standing.days, standing.profile.time_zone
        day = _date_in(until.field.value(standing.profile), zone)
        if day is None:
            return _wait(standing, state.reached_at, step=until.missing)
        before = until.before or Gap()
        if before.days:
            end = start_of_day(days.add(day, -before.days), zone)
        else:
            end = start_of_day(day, zone) - before.clock
        return _wait(standing, max(end, state.reached_at))

    def _for_condition(self, awaited: ForCondition, standing: Standing) -> Verdict:
        state, days, zone = standing.state, standing.days, standing.profile.time_zone
        judgement = awaited.when.judge(standing)
        if judgement.holds:
            return _wait(standing, max(state.reached_at, judgement.at))
        looks_again = judgement.at if judgement.holds is None else None
        if awaited.at_most is None:
            return WaitUntil(at=looks_again, waits_for=awaited.said)
        end = awaited.at_most.exactly_after(state.reached_at, days, zone)
        if standing.now < end and looks_again is not None:
            return WaitUntil(at=min(end, looks_again))
        return _wait(standing, end, step=awaited.otherwise)

    def targets(self) -> Sequence[str]:
        ways = (
            self.until.missing if self.until else None,
            self.awaited.otherwise if self.awaited else None,
        )
        return tuple(step for step in ways if step is not None)

    def takes_time(self) -> bool:
        gap = self.awaited.at_most if self.awaited else self.gap
        return gap is not None and gap.takes_time

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "WaitStep | None":
        if not fields.is_mapping("wait"):
            gap = take_gap(fields, "wait", context.days)
            return cls(step_id=context.step_id, place=context.place, gap=gap) if gap else None
        said = fields.mapping("wait")
        if said is None:
            return None
        until = awaited = None
        if "until" in said:
            until = _take_until(said, context)
        elif "for" in said:
            awaited = _take_for(said, context)
        else:
            fields.problem(
                "wait",
                "say how long: `wait: 2 days`, `wait: {until: subject.renewal_date, missing: …}` "
                "or `wait: {for: payment_made, at_most: 3 days}`",
            )
        said.done({"until", "for"})
        if until is None and awaited is None:
            return None
        return cls(step_id=context.step_id, place=context.place, until=until, awaited=awaited)


def _date_in(value: Any, zone: str) -> date | None:
    """The day that a field names, in the prospect's zone; None if it names none of our times."""
    text = "" if value is None else str(value).strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return None
    return moment.date() if moment.tzinfo is None else local_date(moment, zone)


def _wait(standing: Standing, end: datetime, *, step: str | None = None) -> Verdict:
    """Stay until `end`, then go on with `step`."""
    state, zone = standing.state, standing.profile.time_zone
    if standing.now < end:
        return WaitUntil(at=end)
    passed = days_passed(standing.days, state.reached_at, end, zone)
    return GoTo(step=step, reached_at=end, reached_day=state.reached_day + passed)


def _take_until(said: Fields, context: StepContext) -> UntilDate | None:
    text, before, missing = said.text("until"), None, said.text("missing")
    if "before" in said:
        before = take_gap(said, "before", context.days)
    said.missing("missing", "say where to go when there is no date; add `missing: <step>`")
    field = parse_field(text.value) if text else None
    if text and field is None:
        said.problem(
            "until", f"`{text.value}` is no field; write for instance `subject.renewal_date`"
        )
    target = context.go_on(missing) if missing else None
    if field is None or missing is None:
        return None
    return UntilDate(field=field, before=before, missing=target)


def _take_for(said: Fields, context: StepContext) -> ForCondition | None:
    when = take_condition(said, "for", context)
    at_most = take_gap(said, "at_most", context.days)
    otherwise = said.text("otherwise")
    if otherwise and "at_most" not in said:
        said.problem("otherwise", "say when to go there; add `at_most: 3 days`")
    target = context.go_on(otherwise) if otherwise else None
    if when is None:
        return None
    one = None if said.is_list("for") else said.text("for")
    texts = [one] if one is not None else [*(said.texts("for") or ())]
    words = " and ".join(text.value for text in texts)
    return ForCondition(when=when, at_most=at_most, otherwise=target, said=words)
