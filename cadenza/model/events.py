"""What comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cadenza.model.channels import Channel
from cadenza.model.ids import TouchId


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
