"""What happens to enrollments, and what that adds up to for one of them in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cadenza.model import (
    Effect,
    EnrollmentId,
    EnrollmentState,
    EnrollmentStatus,
    Occurrence,
    Planned,
    Transition,
    VersionId,
)
from cadenza.planner import FACTS, LogEntry, digest_of, facts_of
from cadenza.storage.enrollments import Enrollment
from cadenza.storage.tasks import NewTask

_FOR_COLLEAGUES = frozenset({"colleagues", "tell_colleagues"})


@dataclass(frozen=True, kw_only=True)
class Happening:
    """An occurrence and whom it happened to. event_id: the stored event behind it, if any."""

    enrollment_id: EnrollmentId
    occurrence: Occurrence
    event_id: int | None = None


@dataclass
class Change:
    """What one enrollment's happenings add up to."""

    before: Enrollment
    state: EnrollmentState
    reason: str | None
    replaced: set[str] = field(default_factory=set)
    plans: dict[str, Planned] = field(default_factory=dict)
    effects: list[tuple[Effect, Happening]] = field(default_factory=list)
    # Where it migrated to.
    version_id: VersionId | None = None
    tasks: list[NewTask] = field(default_factory=list)
    log: list[LogEntry] = field(default_factory=list)
    # A happening that leads into another cadence: what it changes, once that takes them.
    moving: tuple[Transition, Happening, Sequence[NewTask]] | None = None
    # What is known of the prospect, where that is news for the log.
    facts: str | None = None
    _told: int = 0

    def take(
        self,
        transition: Transition,
        happening: Happening,
        reason: str | None,
        *,
        now: datetime,
        held: bool = False,
    ) -> None:
        """Add what one happening changed. reason: why, if it moved the enrollment."""
        if transition == Transition(state=self.state):
            return
        self._log(_logged(happening.occurrence, now, held=held))
        self.state = transition.state
        self.effects += [(effect, happening) for effect in transition.effects]
        for position in transition.replaced:
            self.replaced.add(position)
            self.plans.pop(position, None)
        self.plans |= {plan.position: plan for plan in transition.plans}
        if self.moved:
            self.reason = reason

    def migrate(
        self,
        version: VersionId,
        transition: Transition,
        happening: Happening,
        now: datetime,
    ) -> None:
        """Go over to another version; that is kept also where nothing else changes by it."""
        if version == self.version:
            return
        entry = _logged(happening.occurrence, now, held=False)
        if transition == Transition(state=self.state):
            self._log(entry)
        self.take(transition, happening, self.reason, now=now)
        self.version_id = version

    def _log(self, entry: LogEntry) -> None:
        if not self.log:
            profile = self.before.profile
            digest = digest_of(profile)
            if digest != self.before.facts:
                self.facts = digest
                data = {"profile": facts_of(profile)}
                self.log.append(LogEntry(now=entry.now, kind=FACTS, at=entry.now, data=data))
        self.log.append(entry)

    @property
    def version(self) -> VersionId:
        """The version by which it goes on."""
        return self.version_id or self.before.version_id

    def untold(self) -> Sequence[tuple[Effect, Happening]]:
        """Effects that concern colleagues, each once."""
        fresh, self._told = self.effects[self._told :], len(self.effects)
        return [(effect, cause) for effect, cause in fresh if effect.kind in _FOR_COLLEAGUES]

    @property
    def left(self) -> Sequence[str]:
        """Names of the positions at which it stood and does not stand any more."""
        stands = {position.name for position in self.state.positions().values()}
        was = (position.name for position in self.before.state.positions().values())
        return [name for name in was if name not in stands]

    @property
    def moved(self) -> bool:
        return bool(self.left) or self.before.state.status is not self.state.status

    @property
    def ended(self) -> bool:
        return self.moved and self.state.status is EnrollmentStatus.FINISHED


def _logged(occurrence: Occurrence, now: datetime, *, held: bool) -> LogEntry:
    return LogEntry(
        now=now,
        kind=occurrence.kind,
        at=occurrence.at,
        step=occurrence.step,
        event=occurrence.event,
        data=occurrence.data,
        held=held,
    )
