"""Beginning cadences: whoever may begin becomes an enrollment, in its place and on its day.

Used by enrollment messages, by signals and by cadences that move people
into another one: all of them begin by the same policy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cadenza import planner
from cadenza.calendars import NoOpening, start_of_day
from cadenza.course.listening import hears_colleagues
from cadenza.enrolling.policy import Elsewhere, Past, Places, refusal
from cadenza.language.cadence import Cadence
from cadenza.model import (
    Effect,
    EnrollmentId,
    EnrollmentState,
    EventType,
    Profile,
    ProspectId,
    Transition,
)
from cadenza.slots.planning import Intent
from cadenza.storage import beginnings, due, enrollments, statuses
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection
from cadenza.storage.due import NewPlan
from cadenza.storage.enrollments import NewEnrollment, with_subject
from cadenza.suppression.suppressing import person_keys, who_is_forbidden
from cadenza.timespec import day_of

if TYPE_CHECKING:
    from cadenza.course.course import Course

COLLEAGUES_TELL = (EventType.REPLIED, EventType.MEETING_BOOKED, EventType.UNSUBSCRIBED)
"""What colleagues of a prospect are told about."""

_REMEMBERED = timedelta(days=90)


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


@dataclass(frozen=True, kw_only=True)
class _Ready:
    wanted: Wanted
    profile: Profile
    started: Transition
    starts_at: datetime | None
    heard: Mapping[str, datetime]
    reason: str | None = None


async def begin(
    tx: Connection,
    course: "Course",
    version: StoredVersion,
    wanted: Sequence[Wanted],
    now: datetime,
    *,
    moved_here: bool = False,
) -> Sequence[Begun]:
    """Begin a cadence for everybody who may, in the order of `wanted`.

    The caller holds the cadence and the people (`storage.beginnings`), and
    carries the effects out, as `cadenza.course.moving` does. moved_here: they come
    from another cadence, so that its touches do not count against them.
    """
    cadence = course.catalog[version.version_id]
    people = [w.profile.prospect_id for w in wanted]
    taken = await beginnings.running(tx, version.cadence_id, people)
    pasts = await _pasts(tx, course, version, wanted)
    places = await _places(tx, course, version, now)
    heard = await _heard(tx, cadence, wanted, now)
    done: list[Begun] = []
    ready: list[_Ready] = []
    forbidden = await who_is_forbidden(
        tx, {w.number: person_keys(w.profile, service=cadence.service) for w in wanted}
    )
    for one in wanted:
        if one.number in forbidden:
            done.append(Begun(number=one.number, verdict="rejected", reason=forbidden[one.number]))
            continue
        if one.identity in taken:
            done.append(_no(one, "duplicate", "already active in this cadence"))
            continue
        reason = refusal(cadence, pasts[one.number], now, moved_here=moved_here)
        place = reason or places.take(now)
        if isinstance(place, str):
            done.append(_no(one, "refused", place))
            continue
        profile = with_subject(one.profile, one.subject, one.about)
        start, told = place.starts_at or now, heard.get(one.number, {})
        calendar = course.accounts.places.of(profile)
        try:
            started = planner.start(cadence, profile, start, told, calendar=calendar)
        except NoOpening as error:
            done.append(_no(one, "refused", str(error)))
            continue
        taken.add(one.identity)
        ready.append(
            _Ready(
                wanted=one,
                profile=profile,
                started=started,
                starts_at=place.starts_at,
                heard=told,
            )
        )
    return [*done, *await _store(tx, course, version, ready, now)]


def _no(wanted: Wanted, verdict: str, reason: str) -> Begun:
    return Begun(number=wanted.number, verdict=verdict, reason=reason)


async def _pasts(
    tx: Connection, course: "Course", version: StoredVersion, wanted: Sequence[Wanted]
) -> Mapping[int, Past]:
    """What the policy looks at, of each; only that is asked for."""
    policy = course.catalog[version.version_id].enroll
    people = [w.profile.prospect_id for w in wanted]
    ended: Mapping[tuple[ProspectId, str], datetime] = {}
    touched: Mapping[ProspectId, datetime] = {}
    elsewhere: dict[ProspectId, list[Elsewhere]] = {}
    if policy.again != "always":
        ended = await beginnings.ended(tx, version.cadence_id, people)
    if policy.cooldown_days:
        touched = await beginnings.touched(tx, people)
    if policy.exclusive:
        running = await beginnings.elsewhere(tx, version.cadence_id, people)
        await course.catalog.load(tx, {r.version_id for r in running})
        leaving = {w.leaves for w in wanted}
        for r in running:
            if r.enrollment_id in leaving:
                continue
            other = Elsewhere(cadence=r.cadence, service=course.catalog[r.version_id].service)
            elsewhere.setdefault(r.prospect_id, []).append(other)
    return {
        w.number: Past(
            ended_at=ended.get(w.identity),
            elsewhere=elsewhere.get(w.profile.prospect_id, ()),
            touched_at=touched.get(w.profile.prospect_id),
        )
        for w in wanted
    }


async def _places(
    tx: Connection, course: "Course", version: StoredVersion, now: datetime
) -> Places:
    cadence, zone = course.catalog[version.version_id], course.accounts.organisation.time_zone
    policy = cadence.enroll
    today = start_of_day(day_of(now, zone), zone)
    begun = (
        await beginnings.begun(tx, version.cadence_id, today, zone)
        if policy.per_day is not None
        else {}
    )
    active = await beginnings.under_way(tx, version.cadence_id) if policy.active is not None else 0
    return Places(policy, cadence.days, zone, begun, active)


async def _heard(
    tx: Connection, cadence: Cadence, wanted: Sequence[Wanted], now: datetime
) -> Mapping[int, Mapping[str, datetime]]:
    """What each one's colleagues did lately, as their history will have it."""
    companies = {w.company for w in wanted if w.company is not None}
    if not companies or not hears_colleagues(cadence):
        return {}
    told = await beginnings.told_by_colleagues(
        tx, sorted(companies), now - _REMEMBERED, COLLEAGUES_TELL
    )
    heard: dict[int, dict[str, datetime]] = {}
    for w in wanted:
        for event, who in told.get(w.company or "", {}).items():
            times = [at for prospect_id, at in who if prospect_id != w.profile.prospect_id]
            if times:
                heard.setdefault(w.number, {})[f"colleague_{event}"] = max(times)
    return heard


async def _store(
    tx: Connection,
    course: "Course",
    version: StoredVersion,
    ready: Sequence[_Ready],
    now: datetime,
) -> Sequence[Begun]:
    """The rows of those who begin: enrollments, their plans, their first status."""
    if not ready:
        return ()
    cadence = course.catalog[version.version_id]
    refused, ready, plans = await _under_limits(tx, course, cadence, ready)
    ids = await enrollments.create(tx, [_new(r, version) for r in ready], now)
    await due.plan(
        tx,
        [
            replace(plan, enrollment_id=ids[r.wanted.identity])
            for r in ready
            for plan in plans[r.wanted.number]
        ],
    )
    if cadence.statuses is not None:
        first = cadence.statuses.first
        began = [r.starts_at or now for r in ready]
        await statuses.begin(tx, [ids[r.wanted.identity] for r in ready], first, began)
    return [*refused, *(_begun(r, ids[r.wanted.identity]) for r in ready)]


def _begun(ready: _Ready, enrollment_id: EnrollmentId) -> Begun:
    return Begun(
        number=ready.wanted.number,
        verdict="enrolled",
        reason=ready.reason,
        enrollment_id=enrollment_id,
        starts_at=ready.starts_at,
        state=ready.started.state,
        effects=ready.started.effects,
    )


async def _under_limits(
    tx: Connection, course: "Course", cadence: Cadence, ready: Sequence[_Ready]
) -> tuple[Sequence[Begun], Sequence[_Ready], Mapping[int, Sequence[NewPlan]]]:
    """First touches at times that the accounts have; whose day is full starts later, or not.

    Returns who is refused, who begins, and what is planned for each, by their numbers.
    """
    pairs = [(r, planned) for r in ready for planned in r.started.plans]
    intents = [
        Intent(
            enrollment_id=EnrollmentId(0),  # they have none yet
            shard=r.wanted.shard,
            cadence=cadence,
            profile=r.profile,
            planned=planned,
            company=r.wanted.company,
            is_first=True,
        )
        for r, planned in pairs
    ]
    found = await course.pacer.plans(tx, intents)
    plans: dict[int, list[NewPlan]] = {r.wanted.number: [] for r in ready}
    later: dict[int, NewPlan] = {}
    zone = course.accounts.organisation.time_zone
    for (r, planned), plan in zip(pairs, found, strict=True):
        plans[r.wanted.number].append(plan)
        if plan.reason and day_of(plan.planned.due_at, zone) > day_of(planned.due_at, zone):
            later[r.wanted.number] = plan
    if cadence.enroll.when_full == "refuse":
        refused = [_full(r.wanted, later[n]) for r in ready if (n := r.wanted.number) in later]
        return refused, [r for r in ready if r.wanted.number not in later], plans
    return (), [_dated(r, later.get(r.wanted.number)) for r in ready], plans


def _full(wanted: Wanted, plan: NewPlan) -> Begun:
    day = plan.planned.due_at.date().isoformat()
    return _no(wanted, "refused", f"no room for a first touch before {day} ({plan.reason})")


def _dated(ready: _Ready, later: NewPlan | None) -> _Ready:
    if later is None:
        return ready
    reason = f"no room for a first touch any sooner ({later.reason})"
    return replace(ready, starts_at=later.planned.due_at, reason=reason)


def _new(ready: _Ready, version: StoredVersion) -> NewEnrollment:
    return NewEnrollment(
        prospect_id=ready.profile.prospect_id,
        cadence_id=version.cadence_id,
        version_id=version.version_id,
        subject=ready.wanted.subject,
        shard=ready.wanted.shard,
        state=ready.started.state,
        about=ready.wanted.about,
        heard=ready.heard,
        profile=ready.profile,
    )
