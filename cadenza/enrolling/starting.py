"""Beginning cadences: whoever may begin becomes an enrollment, in its place and on its day.

Used by enrollment messages, by signals and by cadences that move people
into another one: all of them begin by the same policy.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from cadenza import planner
from cadenza.calendars import NoOpening, start_of_day
from cadenza.enrolling.policy import Elsewhere, Past, Places, refusal
from cadenza.enrolling.room import under_limits
from cadenza.enrolling.storing import store
from cadenza.enrolling.wanted import Begun, Ready, Wanted
from cadenza.ground import Ground
from cadenza.language.cadence import Cadence
from cadenza.language.listening import hears_colleagues
from cadenza.model import EventType, ProspectId
from cadenza.storage import beginnings
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection
from cadenza.storage.enrollments import with_subject
from cadenza.suppression.suppressing import person_keys, who_is_forbidden
from cadenza.timespec import day_of

COLLEAGUES_TELL = (EventType.REPLIED, EventType.MEETING_BOOKED, EventType.UNSUBSCRIBED)
"""What colleagues of a prospect are told about."""

_REMEMBERED = timedelta(days=90)


async def begin(
    tx: Connection,
    ground: Ground,
    version: StoredVersion,
    wanted: Sequence[Wanted],
    now: datetime,
    *,
    moved_here: bool = False,
) -> Sequence[Begun]:
    """Begin a cadence for everybody who may, in the order of `wanted`.

    The caller holds the cadence and the people (`storage.beginnings`), and
    carries the effects out, as `enrolling.moving` does. moved_here: they come
    from another cadence, so that its touches do not count against them.
    """
    cadence = ground.catalog[version.version_id]
    others, ready = await _who_may(tx, ground, version, wanted, now, moved_here=moved_here)
    if not ready:
        return others
    crowded, ready, plans = await under_limits(tx, ground, cadence, ready)
    return [*others, *crowded, *await store(tx, version, cadence, ready, plans, now=now)]


async def _who_may(
    tx: Connection,
    ground: Ground,
    version: StoredVersion,
    wanted: Sequence[Wanted],
    now: datetime,
    *,
    moved_here: bool,
) -> tuple[Sequence[Begun], Sequence[Ready]]:
    """By the list, the policy and the calendar: who may not begin and why, and who may."""
    cadence = ground.catalog[version.version_id]
    people = [w.profile.prospect_id for w in wanted]
    taken = await beginnings.running(tx, version.cadence_id, people)
    pasts = await _pasts(tx, ground, version, wanted)
    places = await _places(tx, ground, version, now)
    heard = await _heard(tx, cadence, wanted, now)
    forbidden = await who_is_forbidden(
        tx, {w.number: person_keys(w.profile, service=cadence.service) for w in wanted}
    )
    others: list[Begun] = []
    ready: list[Ready] = []
    for one in wanted:
        if one.number in forbidden:
            others.append(Begun.no(one, "rejected", forbidden[one.number]))
            continue
        if one.identity in taken:
            others.append(Begun.no(one, "duplicate", "already active in this cadence"))
            continue
        reason = refusal(cadence, pasts[one.number], now, moved_here=moved_here)
        place = reason or places.take(now)
        if isinstance(place, str):
            others.append(Begun.no(one, "refused", place))
            continue
        profile = with_subject(one.profile, one.subject, one.about)
        start, told = place.starts_at or now, heard.get(one.number, {})
        calendar = ground.accounts.places.of(profile)
        try:
            started = planner.start(cadence, profile, start, told, calendar=calendar)
        except NoOpening as error:
            others.append(Begun.no(one, "refused", str(error)))
            continue
        taken.add(one.identity)
        ready.append(
            Ready(
                wanted=one,
                profile=profile,
                started=started,
                starts_at=place.starts_at,
                heard=told,
            )
        )
    return others, ready


async def _pasts(
    tx: Connection, ground: Ground, version: StoredVersion, wanted: Sequence[Wanted]
) -> Mapping[int, Past]:
    """What the policy looks at, of each; only that is asked for."""
    policy = ground.catalog[version.version_id].enroll
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
        await ground.catalog.load(tx, {r.version_id for r in running})
        leaving = {w.leaves for w in wanted}
        for r in running:
            if r.enrollment_id in leaving:
                continue
            other = Elsewhere(cadence=r.cadence, service=ground.catalog[r.version_id].service)
            elsewhere.setdefault(r.prospect_id, []).append(other)
    return {
        w.number: Past(
            ended_at=ended.get(w.identity),
            elsewhere=elsewhere.get(w.profile.prospect_id, ()),
            touched_at=touched.get(w.profile.prospect_id),
        )
        for w in wanted
    }


async def _places(tx: Connection, ground: Ground, version: StoredVersion, now: datetime) -> Places:
    cadence, zone = ground.catalog[version.version_id], ground.accounts.organisation.time_zone
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
