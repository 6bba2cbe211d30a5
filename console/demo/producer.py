"""Enrolls the demo's prospects over the first days, through queue messages like any producer."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cadenza.enrolling import EnrollmentMessage
from console.enroll.client import EnrollmentClient

_MOST_ROWS = 250
_SATURDAY = 5
_AT_HOUR = timedelta(hours=5)
_PATIENCE_SECONDS = 60.0


class CsvProducer:
    """Sends rows on working days at 05:00 UTC, `per_day` of them each, and awaits the receipts."""

    def __init__(
        self,
        client: EnrollmentClient,
        *,
        cadence: str,
        rows: Sequence[Mapping[str, Any]],
        per_day: int,
        start: datetime,
        prefix: str,
    ) -> None:
        self._client = client
        self._cadence = cadence
        self._prefix = prefix
        self._planned = _planned(rows, per_day, start)

    @property
    def next_at(self) -> datetime | None:
        """When the next rows are sent; None: all are."""
        return self._planned[0][0] if self._planned else None

    async def act(self, now: datetime) -> None:
        """Send what is due, and return when every message has its receipt."""
        due = [rows for at, rows in self._planned if at <= now]
        first = len(self._planned)
        self._planned = [(at, rows) for at, rows in self._planned if at > now]
        await self._client.send_and_wait(
            [
                EnrollmentMessage(
                    key=f"{self._prefix}-{first - n}", cadence=self._cadence, rows=rows
                )
                for n, rows in enumerate(due)
            ],
            _PATIENCE_SECONDS,
        )


def _planned(
    rows: Sequence[Mapping[str, Any]], per_day: int, start: datetime
) -> list[tuple[datetime, Sequence[Mapping[str, Any]]]]:
    planned = []
    day = start
    for first in range(0, len(rows), per_day):
        while day.weekday() >= _SATURDAY:
            day += timedelta(days=1)
        todays = rows[first : first + per_day]
        planned += [
            (day + _AT_HOUR, todays[n : n + _MOST_ROWS]) for n in range(0, len(todays), _MOST_ROWS)
        ]
        day += timedelta(days=1)
    return planned
