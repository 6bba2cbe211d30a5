"""What events are about: the touch, task or enrollment that each one names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadenza.model import (
    AddressRef,
    Channel,
    EnrollmentId,
    Event,
    MessageRef,
    Reference,
    TouchRef,
)
from cadenza.storage import batches, journal, ledger
from cadenza.storage.database import Connection
from cadenza.storage.events import StoredEvent
from cadenza.storage.ledger import TouchOf


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """An event and what it is about. touch: None for events about no touch."""

    stored: StoredEvent
    enrollment_id: EnrollmentId
    touch: TouchOf | None
    step: str | None


def names_a_touch(event: Event) -> bool:
    """Whether it is about a touch, which may not be in the ledger yet."""
    return any(isinstance(r, TouchRef | MessageRef) for r in event.about)


async def in_flight(tx: Connection, unresolved: Sequence[StoredEvent]) -> set[int]:
    """Those of these events whose touch is in a batch."""
    references = [r for stored in unresolved for r in stored.event.about]
    touches = await batches.carrying(
        tx, [r.touch_id for r in references if isinstance(r, TouchRef)]
    )
    messages = await journal.naming(
        tx, [r.provider_id for r in references if isinstance(r, MessageRef)]
    )
    return {
        stored.event_id
        for stored in unresolved
        for r in stored.event.about
        if (isinstance(r, TouchRef) and r.touch_id in touches)
        or (isinstance(r, MessageRef) and r.provider_id in messages)
    }


async def resolve(tx: Connection, taken: Sequence[StoredEvent]) -> Mapping[int, Resolved]:
    """What each event is about; the first reference that leads somewhere wins."""
    references = [r for stored in taken for r in stored.event.about]
    touches = await ledger.by_touch_ids(
        tx, [r.touch_id for r in references if isinstance(r, TouchRef)]
    )
    messages = await ledger.by_provider_ids(
        tx, [r.provider_id for r in references if isinstance(r, MessageRef)]
    )
    latest: dict[tuple[Channel, str], TouchOf] = {}
    for channel in {r.channel for r in references if isinstance(r, AddressRef)}:
        addresses = [
            r.address for r in references if isinstance(r, AddressRef) and r.channel is channel
        ]
        for address, last in (await ledger.latest_on(tx, channel, addresses)).items():
            latest[channel, address] = last

    def lead(reference: Reference) -> TouchOf | None:
        match reference:
            case TouchRef(touch_id=touch_id):
                return touches.get(touch_id)
            case MessageRef(provider_id=provider_id):
                return messages.get(provider_id)
            case AddressRef(channel=channel, address=address):
                return latest.get((channel, address))

    resolved: dict[int, Resolved] = {}
    for stored in taken:
        data = stored.event.data
        if "enrollment_id" in data:  # tasks and people name the enrollment itself
            resolved[stored.event_id] = Resolved(
                stored=stored,
                enrollment_id=data["enrollment_id"],
                touch=None,
                step=data.get("step"),
            )
            continue
        touch = next((t for r in stored.event.about if (t := lead(r)) is not None), None)
        if touch is not None:
            resolved[stored.event_id] = Resolved(
                stored=stored, enrollment_id=touch.enrollment_id, touch=touch, step=touch.step
            )
    return resolved
