"""The organisation, its reps, and the accounts that touches leave from."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from cadenza.accounts.health import Health
from cadenza.accounts.limits import DEFAULTS, Limits
from cadenza.accounts.values import (
    Address,
    Identifier,
    Secret,
    Setting,
    Share,
    Strict,
    sending_channel,
)
from cadenza.calendars import Days, WindowSetting
from cadenza.language.cadence import Overdue
from cadenza.language.overdue import parse_overdue
from cadenza.model import Channel
from cadenza.timespec import Span, zone

_MOST_FOR_FOLLOW_UPS = 0.95


def _leaves_room(share: float) -> float:
    if share > _MOST_FOR_FOLLOW_UPS:
        raise ValueError(
            "write at most 95%: with more, people who were not touched before would get hardly "
            "any room before the last 24 hours of a day, and wait without end"
        )
    return share


def _overdue(value: Any) -> Any:
    return parse_overdue(value, Days.CALENDAR) if isinstance(value, str) else value


class Organisation(Strict):
    """The one organisation that a deployment serves.

    postal_address: shown in every sales mail (CAN-SPAM §5(a)(5)).
    time_zone: the zone in which accounts' days begin. notify_from: the mail
    account that owners hear from; while it rests or is full, and where it is
    unset, the first that does not and is not. follow_ups_first:
    the share of an account's coming days that is kept for people who were
    touched before. person_gap: the least time between two touches to one
    person, from whatever cadence and account. zone_if_unknown: what becomes
    of a prospect who may live in several time zones: not enrolled, or
    touched only at hours that are decent in all of them. overdue: what
    becomes of touches that could not go at their time, where the cadence
    says nothing.
    """

    name: str = Field(min_length=1)
    postal_address: str = Field(min_length=1)
    time_zone: Annotated[str, AfterValidator(zone)] = "UTC"
    notify_from: str | None = None
    follow_ups_first: Annotated[Share, Field(ge=0), AfterValidator(_leaves_room)] = 0.7
    person_gap: Span = timedelta()
    zone_if_unknown: Literal["reject", "widest"] = "reject"
    overdue: Annotated[Overdue, BeforeValidator(_overdue)] | None = None


class Owner(Strict):
    """A rep: owns prospects, signs mails, works tasks, hears from Cadenza when someone answers.

    roles: teams that they work for (`payments`), whose tasks they do too.
    """

    id: Identifier
    name: str
    email: str
    title: str = ""
    roles: tuple[Identifier, ...] = ()
    phone: str = ""
    signature: str = ""


class SenderAccount(Strict):
    """A mailbox, phone number or social profile that touches leave from.

    address: the mail address, the E.164 number, the provider's account id,
    or where webhooks go; it may be `{env: NAME}` or `{file: PATH}` too.
    settings: what the provider needs (host, port, account_sid …), checked
    by its sender; a value may be `{env: NAME}` or `{file: PATH}`. group:
    cadences name groups, not accounts. weight: its share of the group's
    new people, 0 for none. owner: leaves only for this rep's prospects if
    set. limits: what is left out is as careful senders of the channel have it.
    window: hours of the prospect's day at which it sends at all, on top of
    what cadences say.
    """

    id: Identifier
    channel: Annotated[Channel, BeforeValidator(sending_channel)]
    provider: str
    address: Address
    name: str = ""
    signature: str = ""
    group: str = "default"
    weight: float = Field(default=1.0, ge=0, le=1_000)
    owner: str | None = None
    limits: Limits = Limits()
    window: WindowSetting | None = None
    health: Health = Health()
    settings: Mapping[str, Setting] = Field(default_factory=dict)
    secrets: Mapping[str, Secret] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, data: Any) -> Any:
        """Fill in what careful senders of the channel keep to."""
        if not isinstance(data, dict):
            return data
        said, channel = data.get("limits", {}), data.get("channel")
        if not isinstance(said, dict) or channel not in list(DEFAULTS):
            return data
        return {**data, "limits": {**DEFAULTS[Channel(channel)], **said}}
