"""Putting people on the do-not-contact list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadenza.clock import Clock
from cadenza.model import EnrollmentId
from cadenza.storage import enrollments, suppressions
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class Suppressed:
    """added: keys that were not on the list. concerned: key → running enrollments that it names."""

    added: int
    concerned: Mapping[str, Sequence[EnrollmentId]]

    @property
    def enrollments(self) -> Sequence[EnrollmentId]:
        """All running enrollments concerned, each once, in order."""
        return sorted({i for some in self.concerned.values() for i in some})


async def suppress(
    tx: Connection,
    keys: Sequence[str],
    *,
    reason: str,
    source: str,
    clock: Clock,
    hold_too: Sequence[EnrollmentId] = (),
) -> Suppressed:
    """Put `keys` on the list; the caller stops the enrollments concerned in this transaction.

    Everything that can lock both does it in this order: enrollments by
    their ids, then keys. The moment that the audit goes by is read when
    the enrollments are held, so that every touch let through began before.
    hold_too: enrollments that the caller changes as well.
    """
    concerned = await suppressions.concerned(tx, keys)
    held = {i for some in concerned.values() for i in some} | set(hold_too)
    await enrollments.hold(tx, sorted(held))
    added = await suppressions.add(tx, keys, reason=reason, source=source, now=clock.now())
    return Suppressed(added=added, concerned=concerned)
