"""What holds a touch that is planned: every gate that is shut now, why, and when it opens.

Gates are looked at as delivery would meet them, not only the first: who
asks wants to know all that stands in the way.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.abc import Standing
from cadenza.accounts import Accounts, SenderAccount
from cadenza.accounts.choice import NO_ACCOUNT
from cadenza.accounts.states import ACCOUNT_PAUSED
from cadenza.authoring.research import lacks_of_step
from cadenza.calendars import Closed, NoOpening, both_open, place
from cadenza.ground import Ground
from cadenza.insight.reasons import in_words
from cadenza.language.cadence import Cadence
from cadenza.model import SENDING_CHANNELS, Act, Channel, EnrollmentStatus, Profile
from cadenza.pacing.draws import draw_of
from cadenza.recipients import Recipient, by_whose_hours, recipient_of
from cadenza.steps.touch import TouchStep
from cadenza.storage import account_pauses, quotas, suppressions, turns
from cadenza.storage.database import Connection
from cadenza.storage.due import DueTouch
from cadenza.storage.enrollments import Enrollment
from cadenza.suppression.suppressing import recipient_keys, said_of

PERSON_GAP = "person_gap"


_CLOSED = {
    Closed.WINDOW: "outside the window of days and hours",
    Closed.BLACKOUT: "in a blackout of the accounts file",
    Closed.HOLIDAY: "a holiday there",
    Closed.LEGAL_HOURS: "an hour at which the law there allows no text",
}


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Something that holds a touch now.

    name: as in the metrics, where the same thing puts touches off.
    opens_at: None where it does not open by itself. says: for people.
    """

    name: str
    says: str
    opens_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What the gates look at. not_before: by the plan, of whatever else may hold."""

    enrollment: Enrollment
    cadence: Cadence
    due: DueTouch
    recipient: Recipient | None
    account: SenderAccount | None
    not_before: datetime
    now: datetime


def earliest(due_at: datetime, gates: Sequence[Gate]) -> datetime | None:
    """When a touch can go at the earliest; None: not before somebody does something."""
    moments = [gate.opens_at for gate in gates]
    if None in moments:
        return None
    return max([due_at, *(moment for moment in moments if moment is not None)])


async def gates_of(
    db: Connection,
    ground: Ground,
    enrollment: Enrollment,
    due: DueTouch,
    *,
    fence: str | None,
    now: datetime,
) -> Sequence[Gate]:
    """Every gate that holds `due`. fence: why this deployment sends nothing, if so."""
    cadence = ground.catalog[enrollment.version_id]
    asked = _Asked(
        enrollment=enrollment,
        cadence=cadence,
        due=due,
        recipient=recipient_of(cadence, due.step, due.channel, enrollment.profile),
        account=_account_of(ground.accounts, cadence, enrollment.profile, due),
        not_before=_by_plan(ground, cadence, enrollment, due, now),
        now=now,
    )
    found = [*_of_everything(asked, fence), *_of_time(ground, asked)]
    if due.channel in SENDING_CHANNELS:
        found += [*_of_the_text(ground, asked)]
        found += [gate async for gate in _of_storage(db, ground, asked)]
    return _each_once(found)


def _each_once(found: Sequence[Gate]) -> Sequence[Gate]:
    """Of gates with one name the first, or the one that does not open by itself."""
    gates: dict[str, Gate] = {}
    for gate in found:
        if gate.name not in gates or gate.opens_at is None:
            gates[gate.name] = gate
    return list(gates.values())


def _account_of(
    accounts: Accounts, cadence: Cadence, profile: Profile, due: DueTouch
) -> SenderAccount | None:
    """From which account it would leave: as planned, unless the file says otherwise meanwhile."""
    if due.channel not in SENDING_CHANNELS:
        return None
    group = cadence.groups.get(due.channel, "default")
    return accounts.choose(due.channel, group, profile, sticky=due.account)


def _by_plan(
    ground: Ground, cadence: Cadence, enrollment: Enrollment, due: DueTouch, now: datetime
) -> datetime:
    """Before when the step does not act, whatever the hour."""
    state = enrollment.state
    lane = state.lane_at(due.step)
    if lane is None or not state.stands_at(due.step, due.visit):
        return now
    standing = Standing(
        cadence=cadence,
        state=state.view(lane),
        profile=enrollment.profile,
        now=now,
        calendar=ground.accounts.places.of(enrollment.profile),
    )
    verdict = cadence.steps[due.step].plan(standing)
    return max(now, verdict.not_before) if isinstance(verdict, Act) else now


def _of_everything(asked: _Asked, fence: str | None) -> Iterator[Gate]:
    if fence is not None:
        yield Gate(name="fence", says=fence)
    state = asked.enrollment.state
    if state.status is EnrollmentStatus.PAUSED:
        why = f": {asked.enrollment.reason}" if asked.enrollment.reason else ""
        yield Gate(name="paused", says=f"it is paused{why}", opens_at=state.paused_until)


def _of_time(ground: Ground, asked: _Asked) -> Iterator[Gate]:
    due, moment = asked.due, asked.not_before
    if moment > asked.now:
        yield Gate(name="plan", says="its day, or the gap before it, has not come", opens_at=moment)
    if due.channel in asked.cadence.windows:
        yield from _of_the_calendar(ground, asked, moment)
    if due.due_at <= asked.now:
        return
    if due.reason is not None:
        yield Gate(name=due.reason, says=f"put off: {in_words(due.reason)}", opens_at=due.due_at)
    else:
        says = "it has its own time within the window, so that the day is spread"
        yield Gate(name="spread", says=says, opens_at=due.due_at)


def _of_the_calendar(ground: Ground, asked: _Asked, moment: datetime) -> Iterator[Gate]:
    profile, channel = asked.enrollment.profile, asked.due.channel
    if asked.recipient is not None:
        profile = by_whose_hours(channel, asked.recipient, profile)
    calendar = ground.accounts.places.of(profile)
    service = asked.cadence.service
    try:
        own = asked.account.window if asked.account else None
        window = both_open(asked.cadence.windows[channel], own)
        why = calendar.closed(window, channel, moment, profile.time_zone, service=service)
        if why is not None:
            opens = place(
                window,
                profile.time_zone,
                moment,
                drawn=0,
                calendar=calendar,
                channel=channel,
                service=service,
            )
            says = f"{_CLOSED[why]} ({profile.time_zone})"
            yield Gate(name=why.value, says=says, opens_at=opens.due_at)
    except NoOpening as error:
        yield Gate(name="window", says=str(error))


def _of_the_text(ground: Ground, asked: _Asked) -> Iterator[Gate]:
    step = asked.cadence.steps.get(asked.due.step)
    if asked.recipient is None:
        yield Gate(
            name="no_address", says="there is no address to reach them at: it is passed over"
        )
    elif isinstance(step, TouchStep):
        profile = asked.enrollment.profile
        lacks = lacks_of_step(step, asked.cadence, profile, ground.accounts)
        if lacks:
            yield Gate(name="cannot_be_filled", says="; ".join(lack.told for lack in lacks))
    if asked.account is None:
        group = asked.cadence.groups.get(asked.due.channel, "default")
        says = f"the accounts file has no {asked.due.channel} account in group {group} for them"
        yield Gate(name=NO_ACCOUNT, says=says)


async def _of_storage(db: Connection, ground: Ground, asked: _Asked) -> AsyncIterator[Gate]:
    profile, due = asked.enrollment.profile, asked.due
    if asked.recipient is not None:
        service = asked.cadence.service
        keys = recipient_keys(due.channel, asked.recipient, profile, service=service)
        found = await suppressions.among(db, keys)
        if found:
            yield Gate(name="suppressed", says=f"whom it would reach {said_of(found)}")
    if due.channel is not Channel.WEBHOOK and (
        asked.recipient is None or not asked.recipient.party
    ):
        gap = ground.accounts.organisation.person_gap
        free = await turns.free_at(db, profile.prospect_id, gap) if gap else None
        if free is not None and free > max(asked.now, due.due_at):
            says = "somebody, of whatever cadence, touched them shortly before"
            yield Gate(name=PERSON_GAP, says=says, opens_at=free)
    if asked.account is None:
        return
    resting = (await account_pauses.resting(db)).get(asked.account.id)
    if resting is not None:
        yield Gate(name=ACCOUNT_PAUSED, says=f"account {asked.account.id} rests: {resting.reason}")
    drawn = draw_of(
        asked.account,
        asked.cadence.steps.get(due.step),
        address=asked.recipient.address if asked.recipient else None,
        company=asked.enrollment.company,
    )
    caps, at = ground.pacer.rules.caps(drawn), max(asked.now, due.due_at)
    full = await quotas.full(db, caps, at)
    for cap in caps:
        if cap.key in full:
            opens = cap.window.bucket(at)[1]
            yield Gate(name=cap.reason, says=f"{cap.reason} is used up", opens_at=opens)
