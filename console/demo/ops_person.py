"""An ops person at work: lets accounts and enrollments rest at random moments, and go on later.

What they do is what `cadenza accounts pause`, `cadenza accounts resume`,
`cadenza pause` and `cadenza resume` do, through the same functions. And
every morning they let accounts go on that rested by themselves for a day.
The same seed brings the same pauses.
"""

import heapq
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import TypeVar

from cadenza.accounts.states import BY_HAND, pause_account
from cadenza.by_hand import steering
from cadenza.clock import Clock
from cadenza.course.course import Course
from cadenza.model import EnrollmentStatus
from cadenza.slots.filling import go_on
from cadenza.storage import account_pauses, standing
from cadenza.storage.database import Database
from cadenza.storage.standing import Selection

DEEDS = (
    "accounts_paused",
    "accounts_resumed",
    "accounts_let_go_on",
    "enrollments_paused",
    "enrollments_resumed",
)
"""What is counted. accounts_let_go_on: those that rested by themselves."""

_SHORTEST = timedelta(hours=2)
_LONGEST = timedelta(hours=48)
_LOOKS_AT = timedelta(hours=7)
_RESTS_AT_LEAST = timedelta(days=1)
_DAY = timedelta(days=1)
REASON = "paused by the ops person of the demo"
"""Why it rests, as everybody is told."""

_Deed = Callable[[datetime], Awaitable[None]]
_T = TypeVar("_T")


class OpsPerson:
    """Pauses `per_day` accounts and as many enrollments a day of schedule time, on average.

    Each rests for 2 to 48 hours. Accounts that no cadence sends from are left
    alone. start: when the first day begins.
    """

    def __init__(
        self,
        *,
        database: Database,
        course: Course,
        clock: Clock,
        per_day: float,
        seed: int,
        start: datetime,
    ) -> None:
        self._database = database
        self._course = course
        self._clock = clock
        self._per_day = per_day
        # Two dice, so that how many accounts can rest does not change which enrollments do.
        self._dice = {what: random.Random(f"{seed} {what}") for what in ("account", "enrollment")}
        self._planned: list[tuple[datetime, int, _Deed]] = []
        self._numbers = iter(range(1_000_000_000))
        self._done: Counter[str] = Counter()
        self._plan(self._next("account", start), self._pause_account)
        self._plan(self._next("enrollment", start), self._pause_enrollment)
        self._plan(datetime.combine(start, time(), start.tzinfo) + _LOOKS_AT, self._look_around)

    @property
    def next_at(self) -> datetime | None:
        """When something is done next."""
        return self._planned[0][0]

    @property
    def done(self) -> Mapping[str, int]:
        """What was done, and how often: every one of `DEEDS`."""
        return {deed: self._done[deed] for deed in DEEDS}

    async def act(self, now: datetime) -> None:
        """Do what is due by `now`."""
        while self._planned[0][0] <= now:
            at, _, deed = heapq.heappop(self._planned)
            await deed(at)

    async def _pause_account(self, at: datetime) -> None:
        dice, accounts = self._dice["account"], self._course.ground.accounts
        self._plan(self._next("account", at), self._pause_account)
        until, drawn = at + _span(dice), dice.random()
        async with self._database.transaction() as tx:
            resting = await account_pauses.resting(tx)
            awake = sorted(
                a.id
                for a in accounts.accounts
                if a.id not in resting and a.id != accounts.organisation.notify_from
            )
            chosen = _one_of(awake, drawn)
            if chosen is None:
                return
            await pause_account(tx, accounts, chosen, reason=REASON, clock=self._clock)
        self._done["accounts_paused"] += 1
        self._plan(until, lambda _: self._resume_account(chosen, "accounts_resumed"))

    async def _resume_account(self, account: str, deed: str) -> None:
        async with self._database.transaction() as tx:
            await go_on(tx, self._course.ground, account)
        self._done[deed] += 1

    async def _look_around(self, at: datetime) -> None:
        self._plan(at + _DAY, self._look_around)
        async with self._database.connection() as db:
            resting = await account_pauses.resting(db)
        for account, pause in sorted(resting.items()):
            if pause.source != BY_HAND and at - pause.paused_at >= _RESTS_AT_LEAST:
                await self._resume_account(account, "accounts_let_go_on")

    async def _pause_enrollment(self, at: datetime) -> None:
        dice = self._dice["enrollment"]
        self._plan(self._next("enrollment", at), self._pause_enrollment)
        until, drawn = at + _span(dice), dice.random()
        async with self._database.connection() as db:
            active = await standing.names(db, EnrollmentStatus.ACTIVE)
        chosen = _one_of(sorted(active), drawn)
        if chosen is None:
            return
        cadence, prospect, subject = chosen
        meant = Selection(cadence=cadence, who=[prospect], subject=subject)
        if await self._steer(meant, "paused", EnrollmentStatus.ACTIVE):
            self._plan(until, lambda _: self._resume_enrollment(meant))

    async def _resume_enrollment(self, meant: Selection) -> None:
        await self._steer(meant, "resumed", EnrollmentStatus.PAUSED)

    async def _steer(self, meant: Selection, kind: str, status: EnrollmentStatus) -> int:
        async with self._database.transaction() as tx:
            steered = await steering.steer(
                tx,
                await standing.select(tx, meant, most=10),
                kind,
                {"reason": REASON},
                statuses=[status],
                even_if_busy=kind == "paused",
                course=self._course,
                clock=self._clock,
            )
        self._done[f"enrollments_{kind}"] += len(steered.enrollments)
        return len(steered.enrollments)

    def _next(self, what: str, after: datetime) -> datetime:
        """The next moment of a Poisson process."""
        days = -math.log(1 - self._dice[what].random()) / self._per_day
        return after + timedelta(days=days)

    def _plan(self, at: datetime, deed: _Deed) -> None:
        heapq.heappush(self._planned, (at, next(self._numbers), deed))


def _span(dice: random.Random) -> timedelta:
    return _SHORTEST + dice.random() * (_LONGEST - _SHORTEST)


def _one_of(choices: Sequence[_T], drawn: float) -> _T | None:
    return choices[int(drawn * len(choices))] if choices else None
