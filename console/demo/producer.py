"""Enrolls the demo's prospects over the first days, through queue messages like any producer."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from cadenza.enrolling.message import EnrollmentMessage
from console.enroll.client import EnrollmentClient

T = TypeVar("T")

_MOST_ROWS = 250
_SATURDAY = 5
_AT_HOUR = timedelta(hours=5)
_PATIENCE_SECONDS = 60.0


class CsvProducer:
    """Sends each message when its time has come, and awaits the receipts.

    planned: by cadence, when each message is sent, and its rows, in order.
    """

    def __init__(
        self,
        client: EnrollmentClient,
        *,
        planned: Mapping[str, Sequence[tuple[datetime, Sequence[Mapping[str, Any]]]]],
        prefix: str,
    ) -> None:
        self._client = client
        messages = [
            (at, EnrollmentMessage(key=f"{prefix}-{cadence}-{number}", cadence=cadence, rows=rows))
            for cadence, of_cadence in planned.items()
            for number, (at, rows) in enumerate(of_cadence, start=1)
        ]
        self._planned = sorted(messages, key=lambda message: message[0])

    @property
    def next_at(self) -> datetime | None:
        """When the next rows are sent; None: all are."""
        return self._planned[0][0] if self._planned else None

    async def act(self, now: datetime) -> None:
        """Send what is due, and return when every message has its receipt."""
        due = [message for at, message in self._planned if at <= now]
        self._planned = [(at, message) for at, message in self._planned if at > now]
        await self._client.send_and_wait(due, _PATIENCE_SECONDS)


def messages_of(
    rows: Sequence[T], per_day: int, start: datetime
) -> list[tuple[datetime, Sequence[T]]]:
    """When each message is sent, and its rows, in order: on working days at 05:00 UTC.

    per_day: how many rows go a day; a message has 250 at most.
    """
    planned: list[tuple[datetime, Sequence[T]]] = []
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
