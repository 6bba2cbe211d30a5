"""The words of the domain as types. Nothing here does anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    """What a planned row is for: three channels that send, tasks for people, and timers."""

    EMAIL = "email"
    SMS = "sms"
    SOCIAL = "social"
    TASK = "task"
    TIMER = "timer"


SENDING_CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.SOCIAL)


class EventType(StrEnum):
    """What can come back about a touch or a prospect."""

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
    values are str, int, float, bool or None.
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


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """Something that happened to one enrollment, as its state machine sees it.

    kind: one of `sent` (also for a touch whose fate is unknown), `failed`,
    `skipped` (delivery had a reason not to send), `opened_task` (a planned
    task is due), `elapsed` (a planned timer is due), `event` (see `event`),
    `stopped`, `paused`, `resumed`. step: the step that it is about, if it
    is about one (for events: the step whose touch was opened, clicked …).
    at: schedule time, aware, UTC. data: specific to the kind, for instance
    {"disposition": "connected"} or {"outcome": "stopped", "reason": "…"};
    {"visit": 2} makes an occurrence about an earlier visit harmless.
    """

    kind: str
    at: datetime
    step: str | None = None
    event: EventType | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EnrollmentState:
    """Where one enrollment stands; all that the planner needs beside version and profile.

    step: the step at which it stands. visit: how many times that step was
    entered, from 1. visits: the same for all steps. started_at: when it
    began. reached_at: when the step before was really completed; gaps count
    from it. reached_day: which day of the cadence that was, by the plan
    (from 1). history: step → what happened → first time, of the step's
    present visit; step "" holds what is about no step. What happened is an
    event type, or `sent`, `failed`, `skipped`, `opened_task`, `resumed`, or
    `disposition:` and how a task went.
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


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The one thing an enrollment does next.

    channel: a sending channel, `task`, or `timer`. due_at: aware, UTC,
    whole seconds. window_end: the touch must have begun by then, else it
    is placed anew; None where any hour will do (timers).
    """

    channel: Channel
    step: str
    visit: int
    due_at: datetime
    window_end: datetime | None


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Something to do beside moving: `notify_owner`, `open_task`, `suppress`, `stop_company`."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """What the state machine decided.

    replace_plan: False leaves whatever is planned as it is; True removes
    it and plans `plan` instead (None: nothing).
    """

    state: EnrollmentState
    replace_plan: bool
    plan: Planned | None = None
    effects: Sequence[Effect] = ()


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """A task for a person, as its step describes it, rendered."""

    kind: str
    title: str
    script: str
    checklist: Sequence[str]
    dispositions: Sequence[str]
    due_in: timedelta


# What leaves. One type per channel; addresses are final, texts are rendered.


@dataclass(frozen=True, kw_only=True)
class OutboundEmail:
    """One rendered mail. skeleton: equal for mails of the same version, step and account."""

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
    """One social action: `connect` (text optional) or `message` on `network`."""

    touch_id: TouchId
    account_id: str
    network: str
    action: str
    recipient: str
    text: str


Outbound = OutboundEmail | OutboundSms | OutboundSocial


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
