"""From checked rows to enrollments: who each one is, whether they may be contacted, then policy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cadenza.enrolling.identities import ALL, Known, People, identity, merged
from cadenza.enrolling.message import Row
from cadenza.enrolling.moving import start_people
from cadenza.enrolling.onward import hold_onward
from cadenza.enrolling.wanted import Begun, Wanted
from cadenza.ground import Ground
from cadenza.storage import beginnings, companies, prospects, suppressions
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection
from cadenza.suppression.suppressing import who_is_forbidden

_FURTHER_UP = "the same prospect stands further up in this message"


@dataclass(frozen=True, kw_only=True)
class NumberedRow:
    """A good row. number: where it stood."""

    number: int
    row: Row


@dataclass(frozen=True, kw_only=True)
class _Recognised:
    """A row whose key is that of the person whom it is about."""

    number: int
    row: Row
    person: Known


async def admit(
    tx: Connection,
    ground: Ground,
    version: StoredVersion,
    rows: Sequence[NumberedRow],
    now: datetime,
) -> Sequence[Begun]:
    """Store the people of `rows` and begin the cadence for those who may.

    Returns a verdict for each row: `enrolled`, `duplicate`, `refused`, or
    `rejected` for whom must not be contacted. Of cadences and people it
    locks what it needs, after enrollments and in the order of
    `storage.beginnings`.
    """
    await lock(tx, ground, [version.name], rows)
    verdicts: list[Begun] = []
    order = ground.catalog[version.version_id].enroll.identity
    known = await _known(tx, order, rows)
    found = _recognised(order, known, rows, verdicts)
    service = ground.catalog[version.version_id].service
    found = await _without_forbidden(tx, found, verdicts, service=service)
    ids = await prospects.upsert(tx, merged(f.row.prospect for f in found), now)
    aliases = {f"id:{i}": ids[f.row.prospect.key] for f in found for i in sorted(f.person.ids)}
    await beginnings.add_aliases(
        tx, {key: of for key, of in aliases.items() if key not in ids and key not in known.aliases}
    )
    await companies.upsert(tx, _companies(found))
    # Planned from what is stored: a known prospect may know more than this row.
    profiles = await prospects.by_ids(tx, list(ids.values()))
    wanted = [
        Wanted(
            number=f.number,
            profile=profiles[ids[f.row.prospect.key]],
            company=f.row.prospect.company,
            shard=f.row.prospect.shard,
            subject=f.row.subject,
            about=f.row.about,
        )
        for f in found
    ]
    return [*verdicts, *await start_people(tx, ground, version, wanted, now)]


async def lock(
    tx: Connection, ground: Ground, cadences: Iterable[str], rows: Sequence[NumberedRow]
) -> None:
    """Hold the cadences, and everybody and every company that `rows` may be about."""
    await hold_onward(tx, ground.catalog, cadences)
    await lock_identities(tx, rows)


async def lock_identities(tx: Connection, rows: Sequence[NumberedRow]) -> None:
    """Hold everybody and every company that `rows` may be about."""
    people = [r.row.prospect for r in rows]
    values = {p.key for p in people}
    values |= {f"{kind}:{v}" for p in people for kind in ALL if (v := identity(p, kind))}
    values |= {f"company:{r.row.prospect.company}" for r in rows if r.row.company}
    await beginnings.lock_identities(tx, values)


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """The people whom rows may be about, and which further ids are known."""

    people: Sequence[Known]
    aliases: frozenset[str]


async def _known(tx: Connection, order: Sequence[str], rows: Sequence[NumberedRow]) -> _Stored:
    people = [r.row.prospect for r in rows]
    found = await beginnings.known_people(
        tx,
        keys=[p.key for p in people],
        emails=[p.email for p in people if p.email and "email" in order],
        phones=[p.phone for p in people if p.phone and "phone" in order],
    )
    return _Stored(people=found, aliases=frozenset(f"id:{i}" for k in found for i in k.ids))


def _recognised(
    order: Sequence[str], known: _Stored, rows: Sequence[NumberedRow], verdicts: list[Begun]
) -> Sequence[_Recognised]:
    people = People(order, known.people)
    seen: set[tuple[str, str]] = set()
    found = []
    for r in rows:
        person = people.recognise(r.row.prospect)
        same = (person.key, r.row.subject)
        if same in seen:
            verdicts.append(Begun(number=r.number, verdict="duplicate", reason=_FURTHER_UP))
            continue
        seen.add(same)
        row = replace(r.row, prospect=replace(r.row.prospect, key=person.key))
        found.append(_Recognised(number=r.number, row=row, person=person))
    return found


async def _without_forbidden(
    tx: Connection, found: Sequence[_Recognised], verdicts: list[Begun], *, service: bool
) -> Sequence[_Recognised]:
    """Leave out whom the do-not-contact list names as a person, by address or by domain."""
    forbidden = await who_is_forbidden(tx, {f.number: _keys(f, service=service) for f in found})
    verdicts += [
        Begun(number=number, verdict="rejected", reason=why) for number, why in forbidden.items()
    ]
    return [f for f in found if f.number not in forbidden]


def _keys(found: _Recognised, *, service: bool) -> Sequence[str]:
    """Of a person who has several ids, each forbids."""
    person = found.person
    by_id = [f"prospect:id:{i}" for i in sorted(person.ids)]
    by_key = suppressions.keys_of(key=person.key, email=person.email, service=service)
    return [*by_key, *suppressions.forbidding(by_id, service=service)]


def _companies(found: Sequence[_Recognised]) -> Mapping[str, Mapping[str, object]]:
    """Name → what rows know of it; later ones win."""
    known: dict[str, dict[str, object]] = {}
    for f in found:
        name = f.row.prospect.company
        if name is not None and f.row.company:
            known.setdefault(name, {}).update(f.row.company)
    return known
