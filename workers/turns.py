"""The gap that the organisation leaves between touches to one person, whatever cadence they are of.

`organisation.person_gap` in the accounts file; see `cadenza.storage.turns`.
"""

from collections.abc import Sequence
from datetime import timedelta

from cadenza.clock import Clock
from cadenza.course.results import Results
from cadenza.model import Channel, ProspectId, TouchId
from cadenza.storage import turns
from cadenza.storage.database import Database, is_passing
from workers.candidate import Candidate
from workers.permits import RETRY, Ready

PERSON_GAP = "person_gap"


class Turns:
    """Takes people's turns for the touches of batches."""

    def __init__(self, *, database: Database, clock: Clock, gap: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._gap = gap

    async def take(self, ready: Sequence[Ready], outcome: Results) -> Sequence[Ready]:
        """Those who may be touched now; the others are put off until they may."""
        wanted: dict[ProspectId, TouchId] = {}
        for candidate, _ in ready:
            if _reaches_the_prospect(candidate):
                person = candidate.enrollment.profile.prospect_id
                wanted.setdefault(person, candidate.touch.touch_id)
        if not self._gap or not wanted:
            return ready
        now = self._clock.now()
        try:
            async with self._database.transaction() as tx:
                busy = await turns.take(tx, sorted(wanted.items()), now, self._gap)
        except Exception as error:
            if not is_passing(error):
                raise
            outcome.back += [c.later(now + RETRY, "withheld") for c, _ in ready]
            return ()
        kept: list[Ready] = []
        for candidate, message in ready:
            person = candidate.enrollment.profile.prospect_id
            is_first = wanted.get(person) == candidate.touch.touch_id and person not in busy
            if is_first or not _reaches_the_prospect(candidate):
                kept.append((candidate, message))
            else:
                until = busy.get(person, now + self._gap)
                outcome.back.append(candidate.later(until, PERSON_GAP))
        return kept


def _reaches_the_prospect(candidate: Candidate) -> bool:
    """Neither another party of the subject nor a system."""
    return candidate.touch.channel is not Channel.WEBHOOK and candidate.recipient.party is None
