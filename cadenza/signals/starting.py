"""Cadences that a signal starts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cadenza.catalog import Catalog
from cadenza.enrolling.admitting import NumberedRow, admit
from cadenza.enrolling.moving import start_people
from cadenza.enrolling.wanted import Begun, Wanted
from cadenza.ground import Ground
from cadenza.model import EnrollmentId
from cadenza.signals.message import Signal, merge
from cadenza.signals.subjects import known_of
from cadenza.storage import beginnings, prospects
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection
from cadenza.storage.enrollments import Enrollment

Starting = Mapping[str, Sequence[str]]
"""Signal → the cadences that it starts."""


async def starting_now(tx: Connection, catalog: Catalog) -> Starting:
    """Signal → the cadences whose newest version begins with it."""
    starting: dict[str, list[str]] = {}
    for cadence in await catalog.newest_of_all(tx):
        for name, reaction in cadence.signals.items():
            if reaction.action == "start":
                starting.setdefault(name, []).append(cadence.name)
    return starting


async def start(
    tx: Connection,
    ground: Ground,
    name: str,
    signal: Signal,
    known: Mapping[EnrollmentId, Enrollment],
) -> Sequence[Begun]:
    """Begin cadence `name`: for the person of the signal, else those of its subject.

    known: the enrollments that the signal is about.
    """
    version = await ground.catalog.newest(tx, name)
    row = signal.person(ground.accounts)
    if row is None:
        return await _start_known(tx, ground, version, signal, known)
    about = merge(row.about, signal.fields)
    row = replace(row, subject=signal.subject, about=about)
    now = ground.clock.now()
    return await admit(tx, ground, version, [NumberedRow(number=0, row=row)], now)


async def _start_known(
    tx: Connection,
    ground: Ground,
    version: StoredVersion,
    signal: Signal,
    known: Mapping[EnrollmentId, Enrollment],
) -> Sequence[Begun]:
    """The order is known from another cadence, and with it whose it is."""
    latest = {e.profile.prospect_id: e for _, e in sorted(known.items())}
    people = sorted(latest)
    await beginnings.lock_people(tx, people)
    profiles = await prospects.by_ids(tx, people)
    wanted = [
        Wanted(
            number=n,
            profile=profiles[p],
            company=latest[p].company,
            shard=latest[p].shard,
            subject=signal.subject,
            about=merge(known_of(latest[p]), signal.fields),
        )
        for n, p in enumerate(people)
    ]
    return await start_people(tx, ground, version, wanted, ground.clock.now())
