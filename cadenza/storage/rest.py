"""Is there anything to do at this moment? For whoever moves time forward."""

from dataclasses import dataclass
from datetime import datetime

from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class Rest:
    """What is under way, and when the next thing is due (None: nothing is planned).

    notifications_waiting: without those for which no mailbox has room: these are due later.
    """

    batches_out: int
    events_waiting: int
    notifications_waiting: int
    next_due: datetime | None

    def is_at(self, now: datetime) -> bool:
        """Nothing is under way and nothing is due by `now`."""
        return (
            self.batches_out == 0
            and self.events_waiting == 0
            and self.notifications_waiting == 0
            and (self.next_due is None or self.next_due > now)
        )


async def read(db: Connection) -> Rest:
    """One look, in one statement."""
    row = await db.fetchrow(
        """select
            (select count(*) from batch where state <> 'staged') as batches_out,
            (select count(*) from inbox) as events_waiting,
            (select count(*) from notification where sent_at is null and failure is null
                and waits_until is null) as notifications_waiting,
            least((select due_at from due order by due_at limit 1),
                  (select min(waits_until) from notification
                    where sent_at is null and failure is null),
                  (select min(release_at) from batch where state = 'staged')) as next_due"""
    )
    if row is None:
        raise RuntimeError("a select without a table gave no row")
    return Rest(**row)
