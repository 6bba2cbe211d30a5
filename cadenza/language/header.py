"""What a cadence file says before its steps."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadenza.calendars import Days, Window
from cadenza.language.cadence import (
    EnrollPolicy,
    ExitRule,
    Experiment,
    Overdue,
    Reaction,
    Segment,
    Statuses,
)
from cadenza.language.enrolling import take_policy
from cadenza.language.exits import take_exits, take_objective
from cadenza.language.experiments import take_experiments
from cadenza.language.fields import Fields
from cadenza.language.known import Check, Vocabulary
from cadenza.language.localized import is_locale
from cadenza.language.overdue import take_overdue
from cadenza.language.requirements import Requirement
from cadenza.language.requiring import take_requirements
from cadenza.language.segments import take_segments
from cadenza.language.signals import take_signals
from cadenza.language.statuses import take_statuses
from cadenza.language.windows import take_windows
from cadenza.model import SENDING_CHANNELS, Channel

MOST_VALUES = 50

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_GROUP = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_VALUE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class Header:
    """Everything about a cadence but its steps.

    overdue: of touches that do not say it themselves. checks: what the
    steps have to be known for.
    """

    name: str
    title: str
    objective: str
    service: bool
    locale: str
    days: Days
    exits: Mapping[str, ExitRule]
    windows: Mapping[Channel, Window]
    groups: Mapping[Channel, str]
    values: Mapping[str, str]
    signals: Mapping[str, Reaction]
    statuses: Statuses | None
    requires: Mapping[str, Sequence[Requirement]]
    experiments: Mapping[str, Experiment]
    segments: Mapping[str, Segment]
    enroll: EnrollPolicy
    overdue: Overdue | None
    checks: Sequence[Check]

    def vocabulary(self) -> Vocabulary:
        """The names that steps may use."""
        return Vocabulary(
            signals=frozenset(self.signals),
            values=frozenset(self.values),
            statuses=tuple(self.statuses.rules) if self.statuses else (),
            segments={
                name: frozenset(row["name"].lower() for row in segment.rows.values())
                for name, segment in self.segments.items()
            },
            experiments={name: tuple(e.weights) for name, e in self.experiments.items()},
        )

    def begin_at(self) -> Sequence[str]:
        """The steps at which signals let an enrollment come in."""
        return [reaction.step for reaction in self.signals.values() if reaction.step]


def take_header(fields: Fields, files: Mapping[str, str]) -> Header:
    """Read it. What is wrong is reported, and stands as something harmless. files: the sources."""
    fields.missing("cadence", "a cadence has a name; write `cadence: autumn-outreach`")
    name = fields.name("cadence", _NAME, "write small letters, digits and `-`") or "unnamed"
    title = fields.text("title")
    service = fields.choice("class", ("sales", "service")) == "service"
    signals, signal_checks = take_signals(fields)
    objective = take_objective(fields, signals)
    statuses = take_statuses(fields)
    requires, require_checks = take_requirements(fields, statuses)
    days = Days(fields.choice("days", [*Days]) or Days.BUSINESS)
    return Header(
        name=name,
        title=" ".join(title.value.split()) if title else name,
        objective=objective,
        service=service,
        locale=_take_locale(fields),
        days=days,
        exits=take_exits(fields, service=service, objective=objective, signals=signals),
        windows=take_windows(fields),
        groups=_take_groups(fields),
        values=_take_values(fields),
        signals=signals,
        statuses=statuses,
        requires=requires,
        experiments=take_experiments(fields),
        segments=take_segments(fields, files),
        enroll=take_policy(fields),
        overdue=take_overdue(fields, days),
        checks=(*signal_checks, *require_checks),
    )


def _take_locale(fields: Fields) -> str:
    text = fields.text("locale")
    if text is None:
        return "en"
    if not is_locale(text.value):
        fields.problem(
            "locale", f"`{text.value}` is no language; write for instance `en`, `fr` or `pt-BR`"
        )
        return "en"
    return text.value


def _take_values(cadence: Fields) -> Mapping[str, str]:
    fields = cadence.mapping("values")
    if fields is None:
        return {}
    names = fields.names(_VALUE, "write small letters, digits, `-` and `_`")
    if len(names) > MOST_VALUES:
        cadence.problem("values", f"a cadence has at most {MOST_VALUES} value propositions")
    values = {}
    for name in names:
        text = fields.text(name)
        if text is not None:
            values[name] = " ".join(text.value.split())
    return values


def _take_groups(cadence: Fields) -> Mapping[Channel, str]:
    groups = dict.fromkeys(SENDING_CHANNELS, "default")
    fields = cadence.mapping("from")
    if fields is None:
        return groups
    for channel in SENDING_CHANNELS:
        group = fields.name(channel, _GROUP, "write the group of the sender accounts")
        if group:
            groups[channel] = group
    fields.done()
    return groups
