"""Putting people on the do-not-contact list: by hand, or because of what an event says.

| what happened                                 | is forbidden                    |
|-----------------------------------------------|---------------------------------|
| opt-out by a mail's link or header, by social | sales cadences, to that address |
| STOP by text                                  | everything, to that number      |
| bounce, complaint                             | everything, to that address     |
| entry by hand or import                       | everything, unless it says less |
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cadenza.clock import Clock
from cadenza.model import AddressRef, Channel, EnrollmentId, Event, EventType, Profile
from cadenza.recipients import Recipient
from cadenza.storage import enrollments, suppressions
from cadenza.storage.database import Connection
from cadenza.storage.ledger import TouchOf
from cadenza.storage.suppressions import MARKETING, Ban

# What a person asked for binds from the moment at which it is stored.
ASKED_FOR = frozenset({EventType.UNSUBSCRIBED, EventType.COMPLAINED})
SUPPRESSING = ASKED_FOR | {EventType.BOUNCED}

_KINDS = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.SOCIAL: "social"}


@dataclass(frozen=True, kw_only=True)
class Suppressed:
    """added: keys that were not on the list. concerned: key → running enrollments it forbids.

    All of these are held.
    """

    added: int
    concerned: Mapping[str, Sequence[EnrollmentId]]

    @property
    def enrollments(self) -> Sequence[EnrollmentId]:
        """All running enrollments concerned, each once, in order."""
        return sorted(_ids(self.concerned))


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
    keys = [ban.key for ban in bans]
    if keys:
        await suppressions.announce(tx)
    concerned = await suppressions.concerned(tx, keys)
    await enrollments.hold(tx, sorted(_ids(concerned).union(hold_too)))
    if concerned:
        # Who moved on while one of these was waited for is under way in another cadence by now.
        concerned = await suppressions.concerned(tx, keys)
        await enrollments.hold(tx, sorted(_ids(concerned)))
    await enrollments.forbid(tx, sorted(_ids(concerned)))
    added = await suppressions.add(tx, bans, clock.now())
    return Suppressed(added=added, concerned=concerned)


def recipient_keys(
    channel: Channel, recipient: Recipient, profile: Profile, *, service: bool
) -> Sequence[str]:
    """Every key that would forbid a touch of a sales or a service cadence.

    They are those of its real recipient. Another party has no key as a
    person here: what forbids to touch the prospect says nothing about the
    vendor who works on their claim.
    """
    if channel is Channel.WEBHOOK:  # no person is reached
        return ()
    if recipient.party is None:
        return suppressions.keys_for(channel, profile, service=service)
    keys = [f"{_KINDS[channel]}:{recipient.address}"]
    if channel is Channel.EMAIL:
        keys.append(f"domain:{recipient.address.rpartition('@')[2]}")
    return suppressions.forbidding(keys, service=service)


def person_keys(profile: Profile, *, service: bool) -> Sequence[str]:
    """What would forbid to begin a sales or a service cadence: the person, or their mail address.

    Of who cannot be reached by phone or social the other touches go out.
    """
    return suppressions.keys_of(key=profile.key, email=profile.email, service=service)


async def who_is_forbidden(db: Connection, keys: Mapping[int, Sequence[str]]) -> Mapping[int, str]:
    """Of somebody's keys by number: who is on the list, and what is said of them then."""
    found = await suppressions.among(db, [key for some in keys.values() for key in some])
    return {
        number: said_of(on_it)
        for number, some in keys.items()
        if (on_it := found.intersection(some))
    }


def said_of(keys: Collection[str]) -> str:
    """What is said of somebody whom these keys of the list name."""
    if all(key.startswith(MARKETING) for key in keys):
        return "opted out of marketing"
    return "is on the do-not-contact list"


def _ids(concerned: Mapping[str, Sequence[EnrollmentId]]) -> set[EnrollmentId]:
    return {i for some in concerned.values() for i in some}


def suppression_key(event: Event, touch: TouchOf | None) -> str | None:
    """The key that an event puts on the list; None if it names no address."""
    if touch is not None:
        return key_of(event.type, touch.channel, touch.recipient)
    addresses = [r for r in event.about if isinstance(r, AddressRef)]
    if not addresses:
        return None
    return key_of(event.type, addresses[0].channel, addresses[0].address)


def key_of(event: EventType, channel: Channel, address: str) -> str | None:
    """What an event forbids that is about an address; None for a channel that reaches nobody.

    Carriers let nothing at all through to a number that texted STOP.
    """
    kind = _KINDS.get(channel)
    if kind is None:
        return None
    only_marketing = event is EventType.UNSUBSCRIBED and channel is not Channel.SMS
    return f"{MARKETING if only_marketing else ''}{kind}:{address}"
