"""What a person does with enrollments by hand: stop, pause, resume, finish, move."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cadenza.clock import Clock
from cadenza.course.course import Course, Happening
from cadenza.model import (
    EnrollmentId,
    EnrollmentStatus,
    Occurrence,
    Outcome,
    Profile,
)
from cadenza.storage import batches, enrollments, rollups
from cadenza.storage.database import Connection
from cadenza.storage.suppressions import Ban
from cadenza.suppression.suppressing import suppress

BY_HAND = "by hand"


@dataclass(frozen=True, kw_only=True)
class Steered:
    """enrollments: those that changed. suppressed: keys that are new on the do-not-contact list.

    busy: how many were left alone, because a touch of theirs is being sent at this moment.
    """

    enrollments: Sequence[EnrollmentId]
    suppressed: int = 0
    busy: int = 0


async def stop(
    tx: Connection,
    people: Sequence[Profile],
    *,
    reason: str,
    do_not_contact: bool = False,
    course: Course,
    clock: Clock,
) -> Steered:
    """End everything that runs for these people, now.

    do_not_contact: they are also put on the list with all their addresses,
    and so everybody else with one of these addresses is stopped too; the
    outcome is then `opted_out`, otherwise `stopped`.
    """
    ids = await _running(tx, people, set(EnrollmentStatus) - {EnrollmentStatus.FINISHED})
    suppressed = 0
    if do_not_contact:
        keys = sorted({key for person in people for key in personal_keys(person)})
        bans = [Ban(key=key, reason=reason, source=BY_HAND) for key in keys]
        done = await suppress(tx, bans, clock=clock, hold_too=ids)
        ids, suppressed = sorted({*ids, *done.enrollments}), done.added
    outcome = Outcome.OPTED_OUT if do_not_contact else Outcome.STOPPED
    await happen(
        tx, ids, "stopped", {"outcome": outcome, "reason": reason}, course=course, clock=clock
    )
    return Steered(enrollments=ids, suppressed=suppressed)


async def steer(
    tx: Connection,
    ids: Sequence[EnrollmentId],
    kind: str,
    data: Mapping[str, Any],
    *,
    statuses: Collection[EnrollmentStatus],
    even_if_busy: bool = True,
    course: Course,
    clock: Clock,
) -> Steered:
    """Let `kind` happen to those of these enrollments whose status is one of `statuses`.

    even_if_busy: False leaves out those of which a worker holds a touch.
    """
    await enrollments.hold(tx, ids)
    known = await enrollments.load(tx, ids)
    ready = {i for i, enrollment in known.items() if enrollment.state.status in statuses}
    busy = set() if even_if_busy else ready.intersection(await batches.holding(tx, sorted(ready)))
    ready -= busy
    await happen(tx, sorted(ready), kind, data, course=course, clock=clock)
    return Steered(enrollments=sorted(ready), busy=len(busy))


def personal_keys(person: Profile) -> Sequence[str]:
    """The suppression keys of a person and of each of their addresses, not of their domain."""
    keys = [f"prospect:{person.key}"]
    addresses = (("email", person.email), ("phone", person.phone), ("social", person.profile))
    return keys + [f"{kind}:{address}" for kind, address in addresses if address is not None]


async def happen(
    tx: Connection,
    ids: Sequence[EnrollmentId],
    kind: str,
    data: Mapping[str, Any],
    *,
    course: Course,
    clock: Clock,
) -> None:
    """Let the same thing happen to these enrollments. Last in its transaction: it counts."""
    now = clock.now()
    tally = await course.apply(
        tx,
        [
            Happening(
                enrollment_id=enrollment_id, occurrence=Occurrence(kind=kind, at=now, data=data)
            )
            for enrollment_id in ids
        ],
    )
    await rollups.add(tx, tally)


async def _running(
    tx: Connection, people: Sequence[Profile], statuses: set[EnrollmentStatus]
) -> Sequence[EnrollmentId]:
    by_prospect = await enrollments.of_prospects(tx, [person.prospect_id for person in people])
    known = await enrollments.load(tx, [i for some in by_prospect.values() for i in some])
    return sorted(i for i, enrollment in known.items() if enrollment.state.status in statuses)
