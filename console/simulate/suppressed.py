"""The do-not-contact list of a run: who must not be touched any more, and who hears of it."""

from collections.abc import Iterable
from datetime import datetime

from cadenza.model import Channel, EnrollmentStatus, EventType, Occurrence
from cadenza.storage.suppressions import MARKETING
from cadenza.suppression.suppressing import key_of
from console.simulate.course import Course
from console.simulate.journey import Journey
from console.simulate.outside import Sent


class Suppressed:
    """Keys as in `cadenza.storage.suppressions`."""

    def __init__(self, course: Course, *, service: bool) -> None:
        self._course = course
        self._service = service
        self._keys: set[str] = set()

    def forbids(self, keys: Iterable[str]) -> bool:
        """Whether one of `keys` is on the list."""
        return not self._keys.isdisjoint(keys)

    def forbid(self, sent: Sent, event: EventType, occurrence: Occurrence, now: datetime) -> None:
        """An event that forbids an address: it is about `sent`, and everybody there hears of it."""
        key = key_of(event, Channel(sent.channel), sent.recipient)
        self._course.advance(sent.journey, occurrence, now)
        if key is None:
            return
        self._keys.add(key)
        if self._service and key.startswith(MARKETING):
            return  # it forbids sales cadences alone
        told = Occurrence(kind="event", event=event, at=occurrence.at)
        for other in self._sharing(key):
            if other is not sent.journey and other.state.status is not EnrollmentStatus.FINISHED:
                self._course.advance(other, told, now)

    def _sharing(self, key: str) -> list[Journey]:
        """Enrollments whose prospect has this address."""
        kind, _, address = key.removeprefix(MARKETING).partition(":")
        return self._course.at_address.get((kind, address), [])
