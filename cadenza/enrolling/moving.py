"""From cadence to cadence: starting people, and what their first steps bring about at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cadenza.enrolling.onward import hold_onward
from cadenza.enrolling.starting import begin
from cadenza.enrolling.wanted import Begun, Wanted
from cadenza.errors import UnknownName
from cadenza.ground import Ground
from cadenza.model import EnrollmentId, EnrollmentState, EnrollmentStatus, Profile
from cadenza.planner import LogEntry, state_to_json
from cadenza.storage import course_log, enrollments, statuses
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection

_MOST_AT_ONCE = 5
"""Cadences that somebody may pass through in one moment: more are going in circles."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """Somebody goes on in `cadence`. carry: names of subject fields that go along; None: all.

    profile: as the enrollment sees it. company: normalised name. leaves:
    the enrollment that ends with it; None: that goes on.
    """

    profile: Profile
    company: str | None
    shard: int
    cadence: str
    carry: Sequence[str] | None = None
    leaves: EnrollmentId | None = None

    @property
    def subject(self) -> str:
        """The id of what it is about: it stays the same."""
        return str(self.profile.subject.get("id", ""))

    def about(self) -> Mapping[str, Any]:
        """What is known of the subject over there. Its other parties always go along."""
        fields = {
            name: value
            for name, value in self.profile.subject.items()
            if name != "id" and (self.carry is None or name in self.carry)
        }
        parties = {name: dict(of) for name, of in self.profile.parties.items()}
        return {**fields, "parties": parties} if parties else fields


async def start_people(
    tx: Connection,
    ground: Ground,
    version: StoredVersion,
    wanted: Sequence[Wanted],
    now: datetime,
    *,
    moved_here: bool = False,
    passed: int = 0,
) -> Sequence[Begun]:
    """`starting.begin`, with everything that the first steps bring about. passed: cadences before.

    Whom a first step moves into a cadence that does not take them waits, paused, with the reason.
    """
    begun = await begin(tx, ground, version, wanted, now, moved_here=moved_here)
    by_number = {w.number: w for w in wanted}
    entered = [
        (b.enrollment_id, str(effect.data["status"]), b.starts_at or now)
        for b in begun
        for effect in b.effects
        if effect.kind == "status" and b.enrollment_id is not None
    ]
    await statuses.enter(tx, entered)
    moving = [
        (b, effect.data)
        for b in begun
        for effect in b.effects
        if effect.kind == "move_to" and b.enrollment_id is not None
    ]
    if moving:
        moves = [_move(by_number[b.number], b, data) for b, data in moving]
        refusals = await move_people(tx, ground, moves, now, passed=passed + 1)
        stuck = [
            (b.enrollment_id, b.state, reason)
            for (b, data), reason in zip(moving, refusals, strict=True)
            if reason is not None and not data.get("stay")
        ]
        await _pause(tx, stuck, now)
    return begun


async def move_people(
    tx: Connection, ground: Ground, moves: Sequence[Move], now: datetime, *, passed: int = 0
) -> Sequence[str | None]:
    """Start people in other cadences; for each why that is impossible, or None.

    Who is under way there already stays as they are. The caller holds the
    enrollments that they come from; those that they leave count as ended.
    """
    if passed > _MOST_AT_ONCE:
        return ["it goes from cadence to cadence without an end" for _ in moves]
    versions: dict[str, StoredVersion] = {}
    reasons: list[str | None] = [None for _ in moves]
    for n, move in enumerate(moves):
        try:
            if move.cadence not in versions:
                versions[move.cadence] = await ground.catalog.newest(tx, move.cadence)
        except UnknownName as error:
            reasons[n] = str(error)
    people = [m.profile.prospect_id for m in moves]
    await hold_onward(tx, ground.catalog, versions, people)
    for version in sorted(versions.values(), key=lambda v: v.cadence_id):
        wanted = [_wanted(n, m) for n, m in enumerate(moves) if m.cadence == version.name]
        begun = await start_people(tx, ground, version, wanted, now, moved_here=True, passed=passed)
        for b in begun:
            if b.verdict == "refused":
                reasons[b.number] = f"cadence {version.name} does not take them: {b.reason}"
    return reasons


def _wanted(number: int, move: Move) -> Wanted:
    return Wanted(
        number=number,
        profile=move.profile,
        company=move.company,
        shard=move.shard,
        subject=move.subject,
        about=move.about(),
        leaves=move.leaves,
    )


def _move(wanted: Wanted, begun: Begun, data: Mapping[str, Any]) -> Move:
    profile = enrollments.with_subject(wanted.profile, wanted.subject, wanted.about)
    return Move(
        leaves=None if data.get("stay") else begun.enrollment_id,
        profile=profile,
        company=wanted.company,
        shard=wanted.shard,
        cadence=data["cadence"],
        carry=data.get("carry"),
    )


async def _pause(
    tx: Connection,
    stuck: Sequence[tuple[EnrollmentId | None, EnrollmentState | None, str]],
    now: datetime,
) -> None:
    """They wait before the step that moves them: resumed, they try again."""
    paused = [
        (
            enrollment_id,
            replace(state, status=EnrollmentStatus.PAUSED, outcome=None),
            f"cannot go on: {reason}",
        )
        for enrollment_id, state, reason in stuck
        if enrollment_id is not None and state is not None
    ]
    await enrollments.save(tx, paused, now)
    # The planner knows nothing of other cadences: its log says where they stand instead.
    await course_log.append(
        tx,
        [
            (enrollment_id, LogEntry(now=now, kind="stood", at=now, data=state_to_json(state)))
            for enrollment_id, state, _ in paused
        ],
    )
