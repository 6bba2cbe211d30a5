"""Who is to begin a cadence, and what became of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cadenza.model import Effect, EnrollmentId, EnrollmentState, Profile, ProspectId, Transition


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Somebody who is to begin. number: what the caller calls it.

    profile: as stored. company: normalised name. about: fields of the
    subject, `parties` among them. leaves: an enrollment of theirs that ends
    with it, and so is in nobody's way.
    """

    number: int
    profile: Profile
    company: str | None
    shard: int
    subject: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    leaves: EnrollmentId | None = None

    @property
    def identity(self) -> tuple[ProspectId, str]:
        """One of these can be under way in a cadence at a time."""
        return self.profile.prospect_id, self.subject


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What became of one.

    verdict: `enrolled`, `duplicate`, `refused`, or `rejected` for whom must
    not be contacted.

    starts_at: when it begins, if that is not now; reason then says which
    limit makes it so. state: where it stands; effects: what its first steps
    brought about.
    """

    number: int
    verdict: str
    reason: str | None = None
    enrollment_id: EnrollmentId | None = None
    starts_at: datetime | None = None
    state: EnrollmentState | None = None
    effects: Sequence[Effect] = ()

    @classmethod
    def no(cls, wanted: Wanted, verdict: str, reason: str) -> "Begun":
        """They do not begin."""
        return cls(number=wanted.number, verdict=verdict, reason=reason)


@dataclass(frozen=True, kw_only=True)
class Ready:
    """Somebody who may begin. profile: as the cadence sees it. heard: what colleagues did."""

    wanted: Wanted
    profile: Profile
    started: Transition
    starts_at: datetime | None
    heard: Mapping[str, datetime]
    reason: str | None = None
