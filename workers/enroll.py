"""Enrolls the prospects of a message: receipt, verdicts and enrollments in one transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from cadenza import planner
from cadenza.accounts import Accounts
from cadenza.catalog import Catalog
from cadenza.clock import Clock
from cadenza.course import Course
from cadenza.enrolling import (
    MOST_BYTES,
    EnrollmentMessage,
    Row,
    RowRejected,
    UnreadableMessage,
    check_row,
    fallback_key,
    read_message,
)
from cadenza.errors import UnknownName, traced
from cadenza.model import ProspectId, Transition
from cadenza.storage import due, enrollments, prospects, receipts, rollups, suppressions
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection, Database, is_passing
from cadenza.storage.enrollments import NewEnrollment
from cadenza.storage.receipts import Receipt, RowVerdict
from cadenza.storage.rollups import Tally

log = structlog.get_logger(__name__)


_ROWS_A_TURN = 50


@dataclass(frozen=True, kw_only=True)
class _Good:
    """A row that can be enrolled, with where it stood in the message."""

    number: int
    row: Row


class Enroller:
    """Turns enrollment messages into enrollments, each message once."""

    def __init__(
        self,
        *,
        database: Database,
        course: Course,
        catalog: Catalog,
        accounts: Accounts,
        clock: Clock,
    ) -> None:
        self._database = database
        self._course = course
        self._catalog = catalog
        self._accounts = accounts
        self._clock = clock

    async def enroll(self, raw: bytes) -> Receipt:
        """Process one message; its receipt is committed when this returns.

        The same key again changes nothing and gives the same receipt.
        """
        try:
            async with self._database.transaction() as tx:
                key = await self._process(tx, raw)
        except Exception as error:
            if is_passing(error):
                raise
            # It would fail whenever it comes, and whatever waits behind it would wait for ever.
            log.error("message_failed", error=traced(error))
            async with self._database.transaction() as tx:
                key = await self._refuse(tx, raw, _key_of(raw), "an error of ours; see the logs")
        async with self._database.connection() as db:
            receipt = await receipts.find(db, key)
        if receipt is None:
            raise UnknownName(f"the receipt of message {key!r} is gone")
        return receipt

    async def _refuse(self, tx: Connection, raw: bytes, key: str | None, reason: str) -> str:
        key = key or fallback_key(raw)
        await receipts.unreadable(tx, key, reason, raw[:MOST_BYTES], self._clock.now())
        return key

    async def _process(self, tx: Connection, raw: bytes) -> str:
        try:
            message = read_message(raw)
        except UnreadableMessage as error:
            return await self._refuse(tx, raw, error.key, str(error))
        try:
            version = await self._catalog.newest(tx, message.cadence)
        except UnknownName as error:
            return await self._refuse(tx, raw, message.key, str(error))
        now = self._clock.now()
        receipt_id = await receipts.open_receipt(tx, message.key, message.cadence, now)
        if receipt_id is not None:
            verdicts = await self._enroll_rows(tx, message, version)
            await receipts.close_receipt(tx, receipt_id, verdicts)
            tally = Tally()
            for verdict in verdicts:
                tally[message.cadence, "", "", verdict.verdict] += 1
            await rollups.add(tx, tally)
        return message.key

    async def _enroll_rows(
        self, tx: Connection, message: EnrollmentMessage, version: StoredVersion
    ) -> Sequence[RowVerdict]:
        verdicts: list[RowVerdict] = []
        good = await self._check(message, verdicts)
        good = await _without_suppressed(tx, good, verdicts)
        now = self._clock.now()
        ids = await prospects.upsert(
            tx, list({g.row.prospect.key: g.row.prospect for g in good}.values()), now
        )
        # Planned from what is stored: a known prospect may know more than this row.
        profiles = await prospects.by_ids(tx, list(ids.values()))
        cadence = self._catalog[version.version_id]
        started = {
            g.number: planner.start(cadence, profiles[ids[g.row.prospect.key]], now) for g in good
        }
        created = await enrollments.create(
            tx, [_new(g, ids[g.row.prospect.key], version, started[g.number]) for g in good], now
        )
        plans = []
        for g in good:
            prospect_id = ids[g.row.prospect.key]
            enrollment_id = created.get((prospect_id, g.row.subject))
            if enrollment_id is None:
                reason = "already active in this cadence"
                verdicts.append(RowVerdict(row_number=g.number, verdict="duplicate", reason=reason))
                continue
            verdicts.append(
                RowVerdict(row_number=g.number, verdict="enrolled", enrollment_id=enrollment_id)
            )
            if (planned := started[g.number].plan) is not None:
                profile = profiles[prospect_id]
                shard = g.row.prospect.shard
                plans.append(self._course.new_plan(enrollment_id, shard, cadence, profile, planned))
        await due.plan(tx, plans)
        return verdicts

    async def _check(
        self, message: EnrollmentMessage, verdicts: list[RowVerdict]
    ) -> Sequence[_Good]:
        good: list[_Good] = []
        seen: set[tuple[str, str]] = set()
        for number, raw_row in enumerate(message.rows):
            if number % _ROWS_A_TURN == 0:
                await asyncio.sleep(0)  # addresses take their time; deliveries share this loop
            try:
                row = check_row(raw_row, self._accounts)
            except RowRejected as error:
                verdicts.append(
                    RowVerdict(
                        row_number=number,
                        verdict="rejected",
                        reason=error.reason,
                        field=error.field,
                    )
                )
                continue
            identity = (row.prospect.key, row.subject)
            if identity in seen:
                reason = "the same prospect stands further up in this message"
                verdicts.append(RowVerdict(row_number=number, verdict="duplicate", reason=reason))
                continue
            seen.add(identity)
            good.append(_Good(number=number, row=row))
        return good


async def _without_suppressed(
    tx: Connection, good: Sequence[_Good], verdicts: list[RowVerdict]
) -> Sequence[_Good]:
    """Leave out whom the do-not-contact list names as a person, by address or by domain."""
    keys = {g.number: _suppression_keys(g.row) for g in good}
    forbidden = await suppressions.among(tx, [k for some in keys.values() for k in some])
    for g in good:
        if not forbidden.isdisjoint(keys[g.number]):
            reason = "is on the do-not-contact list"
            verdicts.append(RowVerdict(row_number=g.number, verdict="rejected", reason=reason))
    return [g for g in good if forbidden.isdisjoint(keys[g.number])]


def _suppression_keys(row: Row) -> Sequence[str]:
    p = row.prospect
    return suppressions.keys_of(key=p.key, email=p.email)


def _new(
    good: _Good, prospect_id: ProspectId, version: StoredVersion, started: Transition
) -> NewEnrollment:
    return NewEnrollment(
        prospect_id=prospect_id,
        cadence_id=version.cadence_id,
        version_id=version.version_id,
        subject=good.row.subject,
        shard=good.row.prospect.shard,
        state=started.state,
    )


def _key_of(raw: bytes) -> str | None:
    try:
        return read_message(raw).key
    except UnreadableMessage as error:
        return error.key
