"""What was decided about enrollments, as rows."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cadenza.course.changing import Change
from cadenza.ground import Ground
from cadenza.slots.planning import Intent
from cadenza.storage import course_log, due, enrollments, notifications, statuses, tasks
from cadenza.storage.database import Connection
from cadenza.storage.notifications import NewNotification


async def write(tx: Connection, ground: Ground, changes: Sequence[Change]) -> None:
    """Write these changes, each of another enrollment, and what is planned by them."""
    now = ground.clock.now()
    await _write_states(tx, changes, now)
    await _write_plans(tx, ground, changes)
    await _write_tasks_over(tx, changes, now)
    await _write_effects(tx, changes, now)


async def _write_states(tx: Connection, changes: Sequence[Change], now: datetime) -> None:
    await enrollments.save(tx, [(c.before.enrollment_id, c.state, c.reason) for c in changes], now)
    migrated = [(c.before.enrollment_id, c.version) for c in changes if c.version_id]
    await enrollments.set_versions(tx, migrated)
    known = [(c.before.enrollment_id, c.facts) for c in changes if c.facts is not None]
    await enrollments.set_facts(tx, known)
    await course_log.append(
        tx, [(c.before.enrollment_id, entry) for c in changes for entry in c.log]
    )


async def _write_plans(tx: Connection, ground: Ground, changes: Sequence[Change]) -> None:
    await due.forget(tx, [(c.before.enrollment_id, name) for c in changes for name in c.replaced])
    intents = [
        Intent(
            enrollment_id=c.before.enrollment_id,
            shard=c.before.shard,
            cadence=ground.catalog[c.version],
            profile=c.before.profile,
            planned=plan,
            company=c.before.company,
            is_first=not any("sent" in marks for marks in c.state.history.values()),
        )
        for c in changes
        for plan in c.plans.values()
    ]
    await due.plan(tx, await ground.pacer.plans(tx, intents))


async def _write_tasks_over(tx: Connection, changes: Sequence[Change], now: datetime) -> None:
    """Tasks that nobody waits for any more."""
    await tasks.cancel(tx, [c.before.enrollment_id for c in changes if c.ended], now)
    left = [(c.before.enrollment_id, name) for c in changes if not c.ended for name in c.left]
    await tasks.skip(tx, left, now)


async def _write_effects(tx: Connection, changes: Sequence[Change], now: datetime) -> None:
    await statuses.enter(
        tx,
        [
            (c.before.enrollment_id, str(effect.data["status"]), now)
            for c in changes
            for effect, _ in c.effects
            if effect.kind == "status"
        ],
    )
    await notifications.add(tx, list(_notifications(changes)), now)
    await tasks.open_tasks(tx, [task for change in changes for task in change.tasks])


def _notifications(changes: Sequence[Change]) -> Iterable[NewNotification]:
    for change in changes:
        for effect, happening in change.effects:
            if effect.kind == "notify_owner":
                yield NewNotification(
                    owner_id=change.before.profile.owner_id,
                    enrollment_id=change.before.enrollment_id,
                    event_id=happening.event_id,
                    kind=effect.data["event"],
                )
