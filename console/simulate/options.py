"""What a simulation is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from cadenza.accounts import Accounts
from cadenza.language.cadence import Cadence
from sandbox.response import ResponseModel

STEP = timedelta(minutes=30)
"""How far time moves at most, as in `cadenza demo`."""


@dataclass(frozen=True, kw_only=True)
class SimulateOptions:
    """Everything that a run follows from.

    rows: prospects as members and values, as they would stand in enrollment
    messages. start: its day begins at 00:00 UTC. per_day: how many are
    enrolled on each working day; None: all on the first four. step: what is
    due in it happens at its end; steps are counted from 1970.
    """

    cadence: Cadence
    accounts: Accounts
    rows: Sequence[Mapping[str, Any]]
    start: date
    days: int
    seed: int
    per_day: int | None = None
    step: timedelta = STEP
    response: ResponseModel = field(default_factory=ResponseModel)

    @property
    def begins_at(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.start, time.min, UTC)

    @property
    def ends_at(self) -> datetime:
        """The last moment."""
        return self.begins_at + timedelta(days=self.days)

    @property
    def rows_per_day(self) -> int:
        """How many rows are enrolled on a working day."""
        return self.per_day or max(1, -(-len(self.rows) // 4))
