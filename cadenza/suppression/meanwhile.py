"""Who was put on the do-not-contact list while they began: that ends what began."""

from collections.abc import Sequence

from cadenza.course.course import Course, Happening
from cadenza.model import EnrollmentId, Occurrence, Outcome
from cadenza.storage import enrollments, rollups, suppressions
from cadenza.storage.database import Database
from cadenza.suppression.suppressing import person_keys, who_is_forbidden


async def end_forbidden(
    database: Database, course: Course, begun: Sequence[EnrollmentId]
) -> Sequence[EnrollmentId]:
    """End those of `begun`, committed just now, whom the list forbids; returns which.

    An opt-out that is committed while somebody begins is seen by neither
    side. Nothing is sent on it, since each touch asks the list again; but
    without this nobody would end the enrollment. One of which something was
    sent stays: what was heard since is for its own rules.
    """
    if not begun:
        return ()
    async with database.transaction() as tx:
        await suppressions.settled(tx)
    async with database.connection() as db:
        listed = await suppressions.named(db, begun)
    if not listed:
        return ()
    ground = course.ground
    async with database.transaction() as tx:
        known = await enrollments.load(tx, listed)
        await ground.catalog.load(tx, {e.version_id for e in known.values()})
        forbidden = await who_is_forbidden(
            tx,
            {
                i: person_keys(e.profile, service=ground.catalog[e.version_id].service)
                for i, e in known.items()
                if not any("sent" in marks for marks in e.state.history.values())
            },
        )
        ended = [i for i in listed if i in forbidden]
        now = ground.clock.now()
        happenings = [
            Happening(
                enrollment_id=i,
                occurrence=Occurrence(
                    kind="stopped",
                    at=now,
                    data={"outcome": Outcome.OPTED_OUT, "reason": forbidden[i]},
                ),
            )
            for i in ended
        ]
        await rollups.add(tx, await course.apply(tx, happenings))
    return ended
