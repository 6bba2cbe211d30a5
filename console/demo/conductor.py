"""Moves time forward whenever nothing is left to do at this moment.

Nothing in the delivery path knows: processes read their clock, and find
that it is later. The conductor jumps only from rest to rest, so whatever
happens in a moment of schedule time is done before the next begins. In a
moment the clock stands still, and each party has its turn: what is due in
the pipeline, then new prospects, then the ops person, then people's
reactions, then the reps; again until nothing is left. So a run can be repeated, and foretold
(`console.simulate`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cadenza.clock import OffsetClock
from cadenza.errors import CadenzaError
from cadenza.storage import rest
from cadenza.storage.database import Connection, Database
from cadenza.storage.rest import Rest
from console.demo.world import World, WorldState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOK_AGAIN_SECONDS = 0.005
_STUCK_SECONDS = 120.0
_SEPTEMBER = 9


class TimeStandsStill(CadenzaError):
    """Something stays under way for ever: the run cannot go on."""


class Party(Protocol):
    """Whoever of ours does something while time passes: enrolls prospects, pauses accounts."""

    @property
    def next_at(self) -> datetime | None:
        """When it does something next; None: never again."""
        ...

    async def act(self, now: datetime) -> None:
        """Do what is due by `now`, and return when it is done."""
        ...


class Conductor:
    """Runs schedule time from rest to rest until the end. parties: in the order of their turns."""

    def __init__(
        self,
        *,
        clock: OffsetClock,
        database: Database,
        world: World,
        parties: Sequence[Party],
        step: timedelta,
        on_step: Callable[[datetime], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._database = database
        self._world = world
        self._parties = parties
        self._step = step
        self._on_step = on_step

    async def run(self, until: datetime, is_stopped: Callable[[], bool]) -> None:
        """Return when schedule time has reached `until`, or `is_stopped`.

        Raises TimeStandsStill when something stays under way for two
        minutes of real time.
        """
        async with self._database.connection() as db:
            while self._clock.now() < until and not is_stopped():
                following = await self._come_to_rest(db, is_stopped)
                if is_stopped():
                    break
                await self._on_step(self._clock.now())
                following = min(following or until, until)
                self._clock.stand_at(min(end_of_step(following, self._step), until))
            await self._come_to_rest(db, is_stopped)
        self._clock.run_on()
        await self._world.run_on()

    async def _come_to_rest(
        self, db: Connection, is_stopped: Callable[[], bool]
    ) -> datetime | None:
        """Give everybody their turns until nothing is left; returns when the next thing is due."""
        now = self._clock.now()
        while True:
            found = await self._stillness(db, now, is_stopped)
            if found is None:
                return None
            ours, world = found
            party = next((p for p in self._parties if _is_past(p.next_at, now)), None)
            if party is not None:
                await party.act(now)
            elif _is_past(world.next_action_at, now):
                await self._world.act()
            else:
                theirs = [party.next_at for party in self._parties]
                moments = (ours.next_due, world.next_action_at, *theirs)
                return min((m for m in moments if m is not None), default=None)

    async def _stillness(
        self, db: Connection, now: datetime, is_stopped: Callable[[], bool]
    ) -> tuple[Rest, WorldState] | None:
        """Wait until nothing moves; returns how both sides are then, or None if stopped."""
        since = self._clock.monotonic()
        while True:
            ours = await rest.read(db)
            before = await self._world.state() if ours.is_at(now) else None
            if before is not None and before.idle:
                # The database and the world hand work to each other, so rest is
                # when neither moved while both were looked at.
                ours, after = await rest.read(db), await self._world.state()
                still = after.idle and (after.rows, after.actions) == (before.rows, before.actions)
                if still and ours.is_at(now):
                    return ours, after
            if is_stopped():
                return None
            if self._clock.monotonic() - since > _STUCK_SECONDS:
                raise TimeStandsStill(_told(now, before, ours))
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def quiet_monday(now: datetime) -> datetime:
    """The first Monday of a September ahead: with hardly a holiday, each run shows the same."""
    year = now.year if now.month < _SEPTEMBER else now.year + 1
    first = datetime(year, _SEPTEMBER, 1, tzinfo=UTC)
    return first + timedelta(days=-first.weekday() % 7)


def end_of_step(moment: datetime, step: timedelta) -> datetime:
    """The end of the step that holds `moment`; steps are counted from the epoch."""
    return _EPOCH + -(-(moment - _EPOCH) // step) * step


def _is_past(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now


def _told(now: datetime, world: WorldState | None, ours: Rest) -> str:
    return (
        f"nothing moved for {_STUCK_SECONDS:.0f} seconds at {now:%Y-%m-%d %H:%M} (schedule time). "
        f"The outside world: {world}. The pipeline: {ours}. See the logs of the processes."
    )
