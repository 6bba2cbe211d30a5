"""What a cadence file says before its steps."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cadenza.calendar import Days, Window
from cadenza.language.cadence import ExitRule
from cadenza.language.exits import OBJECTIVES, take_exits
from cadenza.language.fields import Fields
from cadenza.language.windows import take_windows
from cadenza.model import SENDING_CHANNELS, Channel, EventType

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_GROUP = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class Header:
    """Everything about a cadence but its steps."""

    name: str
    title: str
    objective: EventType
    service: bool
    days: Days
    exits: Mapping[EventType, ExitRule]
    windows: Mapping[Channel, Window]
    groups: Mapping[Channel, str]


def take_header(fields: Fields) -> Header:
    """Read it. What is wrong is reported, and stands as something harmless."""
    fields.missing("cadence", "a cadence has a name; write `cadence: autumn-outreach`")
    fields.missing("objective", "say what the cadence is for; write `objective: meeting_booked`")
    name = fields.name("cadence", _NAME, "write small letters, digits and `-`") or "unnamed"
    title = fields.text("title")
    objective = EventType(fields.choice("objective", OBJECTIVES) or EventType.GOAL)
    service = fields.choice("class", ("sales", "service")) == "service"
    return Header(
        name=name,
        title=" ".join(title.value.split()) if title else name,
        objective=objective,
        service=service,
        days=Days(fields.choice("days", [*Days]) or Days.BUSINESS),
        exits=take_exits(fields, service=service, objective=objective),
        windows=take_windows(fields),
        groups=_take_groups(fields),
    )


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
