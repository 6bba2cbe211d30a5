"""Putting people on the do-not-contact list: by hand, or because of what an event says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadenza.clock import Clock
from cadenza.model import AddressRef, Channel, EnrollmentId, Event, EventType
from cadenza.storage import enrollments, suppressions
from cadenza.storage.database import Connection
from cadenza.storage.ledger import TouchOf
from cadenza.storage.suppressions import Ban

# What a person asked for binds from the moment at which it is stored.
ASKED_FOR = frozenset({EventType.UNSUBSCRIBED, EventType.COMPLAINED})
SUPPRESSING = ASKED_FOR | {EventType.BOUNCED}

_KINDS = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.SOCIAL: "social"}


@dataclass(frozen=True, kw_only=True)
class Suppressed:
    """added: keys that were not on the list. concerned: key → running enrollments that it names."""

    added: int
    concerned: Mapping[str, Sequence[EnrollmentId]]

    @property
    def enrollments(self) -> Sequence[EnrollmentId]:
        """All running enrollments concerned, each once, in order."""
        return sorted({i for some in self.concerned.values() for i in some})


async def suppress(
    tx: Connection,
    bans: Sequence[Ban],
    *,
    clock: Clock,
    hold_too: Sequence[EnrollmentId] = (),
) -> Suppressed:
    """Put keys on the list; the caller stops the enrollments concerned in this transaction.

    At most once in a transaction, with all that it forbids: everything
    that can lock both does it in this order, enrollments by their ids,
    then keys. The moment that the audit goes by is read when the
    enrollments are held, so that every touch let through began before.
    hold_too: enrollments that the caller changes as well.
    """
    concerned = await suppressions.concerned(tx, [ban.key for ban in bans])
    ids = {i for some in concerned.values() for i in some}
    await enrollments.hold(tx, sorted(ids.union(hold_too)))
    await enrollments.forbid(tx, sorted(ids))
    added = await suppressions.add(tx, bans, clock.now())
    return Suppressed(added=added, concerned=concerned)


def suppression_key(event: Event, touch: TouchOf | None) -> str | None:
    """The key of the address that the event is about; None if it names none."""
    if touch is not None:
        return f"{_KINDS[touch.channel]}:{touch.recipient}"
    addresses = [r for r in event.about if isinstance(r, AddressRef)]
    return f"{_KINDS[addresses[0].channel]}:{addresses[0].address}" if addresses else None
