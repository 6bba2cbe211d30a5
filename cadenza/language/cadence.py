"""A cadence as the planner and delivery use it: compiled, checked, immutable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Literal

from cadenza.abc import StepType
from cadenza.calendars import Days, Window
from cadenza.language.known_fields import parse_field
from cadenza.language.requirements import Requirement
from cadenza.language.timing import Gap
from cadenza.model import Channel, Outcome, Profile

Lever = Literal[
    "reciprocation",
    "commitment_consistency",
    "social_proof",
    "authority",
    "liking",
    "scarcity",
]


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What a touch is for. Data alone: for reports and lint.

    cta: what it asks for. lever: what moves people to do it. value: the
    name of one of the cadence's value propositions.
    """

    purpose: str | None = None
    cta: str | None = None
    lever: Lever | None = None
    value: str | None = None


@dataclass(frozen=True, kw_only=True)
class ColleagueRule:
    """What an event means for others at the company. pause_days: calendar days, of `pause`."""

    action: Literal["stop", "pause", "continue"]
    pause_days: int = 0


CARRY_ON = ColleagueRule(action="continue")


@dataclass(frozen=True, kw_only=True)
class ExitRule:
    """What an event does to the whole enrollment. outcome: only of `stop`."""

    action: Literal["stop", "pause", "continue"]
    outcome: Outcome | None = None
    colleagues: ColleagueRule = CARRY_ON


@dataclass(frozen=True, kw_only=True)
class Reaction:
    """What a signal does to the enrollments of its subject.

    heard: only conditions ask for it. step: of `move` and `reopen`.
    outcome: of `end`.
    """

    action: Literal["heard", "start", "move", "reopen", "end"]
    step: str | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, kw_only=True)
class StatusRule:
    """One status.

    from_: those that may change to it; empty: any other, but nothing
    changes back to the first. crm: its value in the CRM. at_end: taken by
    itself when the enrollment ends, if it may follow then.
    """

    name: str
    from_: frozenset[str]
    crm: str
    at_end: bool = False


@dataclass(frozen=True, kw_only=True)
class Statuses:
    """The statuses of a cadence. field: the CRM's. first: where enrollments begin."""

    field: str
    first: str
    rules: Mapping[str, StatusRule]

    def may_become(self, present: str | None, status: str) -> bool:
        """Whether `status` may follow `present` (None: the first). False if there is no such."""
        rule = self.rules.get(status)
        now = self.first if present is None else present
        if rule is None or rule.from_:
            return rule is not None and now in rule.from_
        return status not in {now, self.first}

    def at_end(self, present: str | None) -> str | None:
        """The first status that is taken at the end and may follow `present`; None: it stays."""
        ending = (name for name, rule in self.rules.items() if rule.at_end)
        return next((name for name in ending if self.may_become(present, name)), None)

    def after(self, present: str | None) -> Sequence[str]:
        """The statuses that may follow `present`, in the order of the file."""
        return [name for name in self.rules if self.may_become(present, name)]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Variants and their weights, positive whole numbers, in the order of the file."""

    weights: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class EnrollPolicy:
    """Who may enroll, and how many.

    identity: what makes two prospects one, in order: `id`, `email`,
    `phone`. again: whether somebody who went through it may do so again; a
    timedelta: that long after the end, in days of 24 hours. exclusive:
    True: not while active in another cadence of its class; else the
    cadences in which they must not be active. cooldown_days: since the
    last touch from anyone; 0: none. per_day, active: the most that begin a
    day and that are active; None: no bound. when_full: give a later date,
    or refuse.
    """

    identity: Sequence[Literal["id", "email", "phone"]] = ("id", "email", "phone")
    again: Literal["never", "always"] | timedelta = "always"
    exclusive: bool | frozenset[str] = False
    cooldown_days: int = 0
    per_day: int | None = None
    active: int | None = None
    when_full: Literal["date", "refuse"] = "date"


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A table that sorts people. by: the field that is looked up, e.g. `prospect.country`.

    rows: by lower-cased key; each has a `name` and the table's further
    columns, blanks left out.
    """

    by: str
    rows: Mapping[str, Mapping[str, str]]

    def row_for(self, profile: Profile) -> Mapping[str, str]:
        """The row of somebody; empty: none fits."""
        field = parse_field(self.by)
        return self.rows.get(field.text(profile).lower(), {}) if field else {}


@dataclass(frozen=True, kw_only=True)
class Overdue:
    """What happens to a touch that could not go at its time.

    within: it is sent if it is late by no more than that; None: only if
    not late at all. otherwise: it is planned anew as if it had only now
    been reached, or passed over.
    """

    within: Gap | None
    otherwise: Literal["reflow", "skip"]


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """One cadence, out of its file and templates.

    objective: the event or declared signal that proves success. service:
    messages about an order or claim, which survive a marketing opt-out;
    else sales. days: how days are counted. exits: by event, or declared
    signal. windows: when each of the sending channels and tasks may act,
    in the prospect's zone. groups: the group of sender accounts per
    sending channel. steps: by id, in the order of the file, those of lanes,
    repeats and variants among them. following: the step that comes after
    each that does not choose itself; a lane ends where it has none.

    locale: the language of texts without one of their own. values: value
    propositions by name. requires: outcome or status → what a rep has to
    have done before. intents, overdue: by step id. written_as: step made
    from another (`intro.question`) → that one. inside: step → the step
    whose list it stands in. lane_of: step → its lane.
    """

    name: str
    title: str
    objective: str
    service: bool
    days: Days
    exits: Mapping[str, ExitRule]
    windows: Mapping[Channel, Window]
    groups: Mapping[Channel, str]
    steps: Mapping[str, StepType]
    following: Mapping[str, str]
    locale: str = "en"
    values: Mapping[str, str] = field(default_factory=dict)
    signals: Mapping[str, Reaction] = field(default_factory=dict)
    statuses: Statuses | None = None
    requires: Mapping[str, Sequence[Requirement]] = field(default_factory=dict)
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    enroll: EnrollPolicy = field(default_factory=EnrollPolicy)
    segments: Mapping[str, Segment] = field(default_factory=dict)
    intents: Mapping[str, Intent] = field(default_factory=dict)
    written_as: Mapping[str, str] = field(default_factory=dict)
    inside: Mapping[str, str] = field(default_factory=dict)
    lane_of: Mapping[str, str] = field(default_factory=dict)
    overdue: Mapping[str, Overdue] = field(default_factory=dict)

    def first_step(self) -> str:
        """The id of the step at which enrollments begin."""
        return next(iter(self.steps))

    def next_step(self, step_id: str) -> str | None:
        """The id of the step that follows when `step_id` has nothing else to say; None: none."""
        return self.following.get(step_id)

    def forms_of(self, step_id: str) -> Sequence[str]:
        """The steps that are meant by a name: itself, its variants, and what stands inside it."""
        return self._forms.get(step_id, (step_id,))

    @cached_property
    def _forms(self) -> Mapping[str, Sequence[str]]:
        below: dict[str, list[str]] = {}
        for step_id in self.steps:
            for outer in (self.written_as.get(step_id), self.inside.get(step_id)):
                if outer is not None:
                    below.setdefault(outer, []).append(step_id)
        return {step_id: _with_all_below(step_id, below) for step_id in below}


def _with_all_below(step_id: str, below: Mapping[str, Sequence[str]]) -> Sequence[str]:
    found = [step_id]
    for inner in below.get(step_id, ()):
        found.extend(_with_all_below(inner, below))
    return tuple(dict.fromkeys(found))
