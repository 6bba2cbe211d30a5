"""What an event means to the enrollment that it is about. Pure."""

from collections.abc import Sequence
from datetime import timedelta

from cadenza.model import Event, EventType, Occurrence
from cadenza.storage.ledger import TouchOf

# Nobody reads a mail, or follows its link, so soon after it began to leave: filters do.
_TOO_SOON = {EventType.OPENED: timedelta(seconds=2), EventType.CLICKED: timedelta(seconds=5)}

_KEPT = ("disposition", "visit")


def occurrences_of(event: Event, touch: TouchOf | None, step: str | None) -> Sequence[Occurrence]:
    """One occurrence; two for an open or a click of a person, who is heard raw as well.

    What a machine opened or clicked is heard raw alone. Data names the
    party whose touch it is about, if that is not the prospect's.
    """
    names: list[str] = [event.type]
    if event.type in _TOO_SOON:
        raw = f"raw:{event.type}"
        names = [raw] if by_machine(event, touch) else [raw, event.type]
    data = {name: event.data[name] for name in _KEPT if name in event.data}
    if touch is not None:
        data["visit"] = touch.visit
        if touch.party is not None:
            data["party"] = touch.party
    return [
        Occurrence(kind="event", at=event.occurred_at, step=step, event=name, data=data)
        for name in names
    ]


def by_machine(event: Event, touch: TouchOf | None) -> bool:
    """Whether a machine opened or clicked: by what it said of itself, or by its haste.

    Who said nothing (`by` is missing) counts as a person.
    """
    too_soon = _TOO_SOON.get(event.type)
    if too_soon is None or "by" not in event.data:
        return False
    began_at = touch.began_at if touch else None
    hasty = began_at is not None and event.occurred_at - began_at < too_soon
    return event.data["by"] == "machine" or hasty
