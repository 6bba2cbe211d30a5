"""What a person does with enrollments by hand: stop, pause, resume."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cadenza.clock import Clock
from cadenza.course import Course, Happening
from cadenza.errors import CadenzaError
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
from cadenza.suppressing import suppress

BY_HAND = "by hand"


class StillUnderWay(CadenzaError):
    """A touch of the enrollment is in a worker's hands at this moment."""


@dataclass(frozen=True, kw_only=True)
class Steered:
    """enrollments: those that changed. suppressed: keys that are new on the do-not-contact list."""

    enrollments: Sequence[EnrollmentId]
    suppressed: int = 0


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


async def pause(
    tx: Connection, people: Sequence[Profile], *, reason: str, course: Course, clock: Clock
) -> Steered:
    """Hold everything that is active for these people until it is resumed."""
    ids = await _running(tx, people, {EnrollmentStatus.ACTIVE})
    await happen(tx, ids, "paused", {"reason": reason}, course=course, clock=clock)
    return Steered(enrollments=ids)


async def resume(
    tx: Connection, people: Sequence[Profile], *, course: Course, clock: Clock
) -> Steered:
    """Let everything that is paused for these people go on; gaps stay as they were.

    Raises StillUnderWay when a worker still holds a touch from before the
    pause: planned anew, it could leave twice.
    """
    ids = await _running(tx, people, {EnrollmentStatus.PAUSED})
    await enrollments.hold(tx, ids)
    held = await batches.holding(tx, ids)
    if held:
        raise StillUnderWay(
            f"a touch of enrollment {held[0]} is being worked on at this moment: "
            "try again in a moment"
        )
    await happen(tx, ids, "resumed", {}, course=course, clock=clock)
    return Steered(enrollments=ids)


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
