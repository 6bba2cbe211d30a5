"""The words of the domain as types. Nothing here does anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType

ProspectId = NewType("ProspectId", int)
EnrollmentId = NewType("EnrollmentId", int)
TouchId = NewType("TouchId", int)
VersionId = NewType("VersionId", int)
BatchId = NewType("BatchId", int)
TaskId = NewType("TaskId", int)

SHARDS = 256


class Channel(StrEnum):
    """What a planned row is for: channels that send, tasks for people, and timers."""

    EMAIL = "email"
    SMS = "sms"
    SOCIAL = "social"
    WEBHOOK = "webhook"
    TASK = "task"
    TIMER = "timer"


SENDING_CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.SOCIAL, Channel.WEBHOOK)


class EventType(StrEnum):
    """What can come back about a touch or a prospect.

    `signal`: something that the outside tells, by a name that a cadence
    declares; its data is {"name": …, "subject": …, "fields": {…}}.
    """

    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    REPLIED = "replied"
    AUTO_REPLIED = "auto_replied"
    BOUNCED = "bounced"
    SOFT_BOUNCED = "soft_bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    CONNECTION_ACCEPTED = "connection_accepted"
    TASK_DONE = "task_done"
    MEETING_BOOKED = "meeting_booked"
    GOAL = "goal"
    SIGNAL = "signal"


class EnrollmentStatus(StrEnum):
    """Where an enrollment stands as a whole."""

    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"


class Outcome(StrEnum):
    """How an enrollment ended."""

    WON = "won"
    LOST = "lost"
    NO_RESPONSE = "no_response"
    REPLIED = "replied"
    DISQUALIFIED = "disqualified"
    OPTED_OUT = "opted_out"
    BOUNCED = "bounced"
    STOPPED = "stopped"
    MOVED = "moved"


class TouchStatus(StrEnum):
    """How a touch ended, in the ledger."""

    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What planning and templates know of one prospect.

    email: lower-cased address or None. phone: E.164 or None.
    profile: LinkedIn public identifier or None. time_zone: IANA name.
    country: ISO 3166-1 alpha-2. locale: BCP 47. fields: everything else
    that came with the prospect (first_name, last_name, company, title …),
    values are str, int, float, bool or None. company: the fields of the
    company, `name` among them. subject: those of what the enrollment is
    about, `id` among them. parties: the subject's other parties (a vendor,
    the payments team) by what they are called: name, email, phone, locale …
    """

    prospect_id: ProspectId
    key: str
    email: str | None
    phone: str | None
    profile: str | None
    time_zone: str
    country: str | None
    locale: str | None
    owner_id: str
    fields: Mapping[str, Any]
    company: Mapping[str, Any] = field(default_factory=dict)
    subject: Mapping[str, Any] = field(default_factory=dict)
    parties: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """Something that happened to one enrollment, as its state machine sees it.

    kind: one of
    `sent` (also for a touch whose fate is unknown), `failed`, `skipped`
    (delivery had a reason not to send), `opened_task` (a planned task is
    due), `elapsed` (a planned timer is due), `event` (see `event`),
    `stopped`, `paused` (until resumed, or as data says {"days": 5} or
    {"until": "2026-05-04T08:00:00+00:00"}), `resumed`, `moved` (data
    {"step": …}), `finished` (data {"outcome": …}), `status` (data
    {"status": …}), `reopened` (data {"step": …}), `migrated`.
    step: the step that it is about, if it is about one (for events: the
    step whose touch was opened, clicked …). at: schedule time, aware, UTC.
    event: an `EventType`, the name of a declared signal, `colleague_` and
    an event, or `raw:opened` and `raw:clicked` (machines open and click
    too). data: specific to the kind, for instance {"disposition":
    "connected"} or {"outcome": "stopped", "reason": "…"}; {"visit": 2}
    says which visit of its step it is about.
    """

    kind: str
    at: datetime
    step: str | None = None
    event: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


MAIN = ""
"""What the place of an enrollment is called that is in no lane."""


def position_name(step: str, visit: int) -> str:
    """`intro:1`: a place in the course, as storage names it."""
    return f"{step}:{visit}"


@dataclass(frozen=True, kw_only=True)
class Position:
    """One place at which an enrollment stands.

    visit: how many times the step was entered, from 1. reached_at: when
    what came before was really completed; gaps count from it. reached_day:
    which day of the cadence that was, by the plan (from 1).
    """

    step: str
    visit: int
    reached_at: datetime
    reached_day: int

    @property
    def name(self) -> str:
        """`intro:1`, unique within the enrollment for ever."""
        return position_name(self.step, self.visit)


@dataclass(frozen=True, kw_only=True)
class EnrollmentState:
    """Where one enrollment stands; all that the planner needs beside version and profile.

    step, visit, reached_at, reached_day: its main position (see `Position`).
    lanes: its other positions, inside a `parallel`, by the lane's name; the
    main one then stands at the parallel. visits: how often each step was
    entered. started_at: when it began. history: step → what happened →
    first time, of the step's present visit; step "" holds what is about no
    step. What happened is an event, or `sent`, `failed`, `skipped`,
    `opened_task`, `disposition:` and how a task went, `forked`, `lane:` and
    the name of a lane that ended, `round:` and the number of one of a
    repeat, `hand:` and what a person did (`resumed`, `moved`, `status`,
    `reopened`), or `latest:` and a signal that came more than once. variants: experiment →
    variant, drawn when it began. crm_status: of the statuses of its cadence.
    paused_until: when a pause ends by itself; None: by hand.
    """

    status: EnrollmentStatus
    outcome: Outcome | None
    step: str
    visit: int
    visits: Mapping[str, int]
    started_at: datetime
    reached_at: datetime
    reached_day: int
    history: Mapping[str, Mapping[str, datetime]]
    lanes: Mapping[str, Position] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)
    crm_status: str | None = None
    paused_until: datetime | None = None

    def at(self, lane: str) -> Position:
        """Its position in `lane`; `MAIN` for the main one. Raises KeyError."""
        if lane != MAIN:
            return self.lanes[lane]
        return Position(
            step=self.step,
            visit=self.visit,
            reached_at=self.reached_at,
            reached_day=self.reached_day,
        )

    def positions(self) -> Mapping[str, Position]:
        """All of them by their lanes, the main one first, then by name.

        In one order wherever the state comes from: storage keeps none.
        """
        return {MAIN: self.at(MAIN), **dict(sorted(self.lanes.items()))}

    def view(self, lane: str) -> "EnrollmentState":
        """The state as a step inside `lane` sees it: its position as the main one."""
        if lane == MAIN:
            return self
        position = self.lanes[lane]
        return replace(
            self,
            step=position.step,
            visit=position.visit,
            reached_at=position.reached_at,
            reached_day=position.reached_day,
        )

    def stands_at(self, step: str, visit: int) -> bool:
        """Whether one of its positions is this visit of `step`."""
        return (self.step == step and self.visit == visit) or any(
            position.step == step and position.visit == visit for position in self.lanes.values()
        )

    def lane_at(self, step: str) -> str | None:
        """The lane whose position is at `step`; None if none is."""
        if self.step == step:
            return MAIN
        return next((lane for lane, p in self.lanes.items() if p.step == step), None)


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


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """A task for a person, as its step describes it, rendered.

    voicemail: what to say to a machine. mandatory: the items of the
    checklist without which it is not done. assignee: a role or an owner
    id; None: the prospect's owner.
    """

    kind: str
    title: str
    script: str
    checklist: Sequence[str]
    dispositions: Sequence[str]
    due_in: timedelta
    voicemail: str = ""
    mandatory: Sequence[str] = ()
    assignee: str | None = None


# What leaves. One type per channel; addresses are final, texts are rendered.


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that a mail carries. name: without folders. media_type: e.g. `application/pdf`."""

    name: str
    content: bytes
    media_type: str


@dataclass(frozen=True, kw_only=True)
class OutboundEmail:
    """One rendered mail.

    skeleton: equal for mails of the same version, step, variant of the
    template and account.
    """

    touch_id: TouchId
    account_id: str
    skeleton: tuple[int, str, str]
    sender_name: str
    sender_address: str
    recipient_name: str
    recipient: str
    envelope_from: str
    reply_to: str | None
    subject: str
    text: str
    html: str
    message_id: str
    in_reply_to: str | None
    references: Sequence[str]
    list_id: str
    unsubscribe_url: str | None
    unsubscribe_mailto: str | None
    date: datetime
    attachments: Sequence[Attachment] = ()


@dataclass(frozen=True, kw_only=True)
class OutboundSms:
    """One rendered text message. Numbers are E.164."""

    touch_id: TouchId
    account_id: str
    sender: str
    recipient: str
    body: str
    status_callback: str | None


@dataclass(frozen=True, kw_only=True)
class OutboundSocial:
    """One social action on `network`.

    action: `connect` (text optional), `message`, `inmail` (with a
    subject), or `follow` and `view`, which say nothing.
    """

    touch_id: TouchId
    account_id: str
    network: str
    action: str
    recipient: str
    text: str
    subject: str = ""


@dataclass(frozen=True, kw_only=True)
class OutboundWebhook:
    """Something to tell another system. document: the JSON object that is posted.

    recipient: which system, for people and the ledger: its host. The
    address itself may hold a secret and stays with the account.
    """

    touch_id: TouchId
    account_id: str
    recipient: str
    document: Mapping[str, Any]


Outbound = OutboundEmail | OutboundSms | OutboundSocial | OutboundWebhook


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A provider took a touch over.

    provider_id: Message-ID, SID … by which events refer to it. thread_id:
    the conversation that it is part of, where answers name only that.
    detail: what the provider said, for people.
    """

    provider_id: str
    thread_id: str | None = None
    detail: str = ""


# What comes back.


@dataclass(frozen=True, kw_only=True)
class TouchRef:
    """Names a touch by its own number (out of a verified token)."""

    touch_id: TouchId


@dataclass(frozen=True, kw_only=True)
class MessageRef:
    """Names a touch by what the provider called it: Message-ID (with angle brackets), SID …"""

    channel: Channel
    provider_id: str


@dataclass(frozen=True, kw_only=True)
class AddressRef:
    """Names a prospect by address: lower-cased email, E.164 number or social identifier."""

    channel: Channel
    address: str


Reference = TouchRef | MessageRef | AddressRef


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that came back, verified and normalised, not yet applied.

    source and external_id name it once and for ever: the same pair is
    stored once however often it arrives. about: the first reference that
    resolves wins. occurred_at: aware, UTC. data: small, JSON types only;
    `text` (a reply's body) at most 16 KiB.
    """

    source: str
    external_id: str
    type: EventType
    occurred_at: datetime
    about: Sequence[Reference]
    data: Mapping[str, Any] = field(default_factory=dict)
