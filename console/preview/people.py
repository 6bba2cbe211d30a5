"""Which cadence, which prospect: from files alone, or from the database."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cadenza.accounts import Accounts, load_accounts
from cadenza.authoring.research import profile_of_row, stand_in_accounts
from cadenza.enrolling.message import check_row
from cadenza.enrolling.row_values import RowRejected
from cadenza.errors import ConfigurationError, UnknownName
from cadenza.language.cadence import Cadence
from cadenza.language.loader import load_cadence
from cadenza.model import Profile
from cadenza.storage import enrollments, prospects
from console.demo.redirect import pretend_accounts
from console.enroll.columns import map_columns
from console.enroll.table import FileRow, WrongRow, read_file, rows_of
from console.session import session


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """A cadence and the accounts by which it is shown. is_real: of a file, not made up."""

    cadence: Cadence
    accounts: Accounts
    is_real: bool


async def choose_cadence(said: str, accounts_file: Path | None, *, sends: bool = False) -> Subjects:
    """The cadence in a file that ends in `.yaml`, else the applied one of that name.

    A file needs no database; its owners and senders come from
    `accounts_file`, or are made up. sends: False: no login or secret of
    that file is read. Raises ConfigurationError, UnknownName.
    """
    read = load_accounts if sends else pretend_accounts
    if said.endswith((".yaml", ".yml")):
        return await asyncio.to_thread(_of_file, Path(said), accounts_file, read)
    if "/" in said or "." in said:
        raise ConfigurationError(
            f"{said}: give one cadence file, whose name ends in `.yaml`, or the name of an "
            "applied cadence"
        )
    async with session() as here, here.database.connection() as db:
        version = await here.catalog.newest(db, said)
        return Subjects(
            cadence=here.catalog[version.version_id],
            accounts=read(accounts_file) if accounts_file else here.accounts,
            is_real=True,
        )


def _of_file(path: Path, accounts_file: Path | None, read: Callable[[Path], Accounts]) -> Subjects:
    _, cadence = load_cadence(path)
    if accounts_file is not None:
        return Subjects(cadence=cadence, accounts=read(accounts_file), is_real=True)
    return Subjects(cadence=cadence, accounts=stand_in_accounts(cadence.groups), is_real=False)


async def stored_prospect(who: str) -> Profile:
    """The one prospect that is meant by a key, address or number. Raises UnknownName.

    With what their newest enrollment is about, if there is one.
    """
    async with session() as here, here.database.connection() as db:
        found = await prospects.find(db, who)
        if not found:
            raise UnknownName(f"there is no prospect {who!r}")
        if len(found) > 1:
            raise UnknownName(f"{len(found)} prospects are meant by {who!r}: give a key or address")
        ids = await enrollments.of_prospects(db, [found[0].prospect_id], running_only=False)
        for newest in ids.get(found[0].prospect_id, ())[:1]:
            return (await enrollments.load(db, [newest]))[newest].profile
        return found[0]


@dataclass(frozen=True, kw_only=True)
class Person:
    """A row of a file. number: as a spreadsheet counts; profile: None if the row is refused."""

    number: int
    profile: Profile | None
    reason: str = ""
    field: str = ""


def read_people(path: Path, accounts: Accounts, *, is_real: bool) -> Sequence[Person]:
    """The prospects of a CSV file, in order. Raises what `read_file` raises, and WrongMapping.

    is_real: False: nobody is refused for an owner who is in no file.
    """
    table = read_file(path)
    good, wrong = rows_of(table, map_columns(table.header, {}))
    people = [_person(row, accounts, is_real=is_real) for row in good]
    people += [_wrong(row) for row in wrong]
    return sorted(people, key=lambda person: person.number)


def row_person(path: Path, number: int, accounts: Accounts, *, is_real: bool) -> Profile:
    """The prospect of one row of a CSV file. Raises ConfigurationError if there is none."""
    people = read_people(path, accounts, is_real=is_real)
    for person in people:
        if person.number == number:
            if person.profile is None:
                raise ConfigurationError(f"{path}: row {number}: {person.field} {person.reason}")
            return person.profile
    told = f"rows {people[0].number} to {people[-1].number}" if people else "no rows"
    raise ConfigurationError(f"{path}: there is no row {number}; the file has {told}")


def _person(row: FileRow, accounts: Accounts, *, is_real: bool) -> Person:
    said: Mapping[str, str] = row.prospect
    if not is_real:
        said = {name: value for name, value in said.items() if name != "owner"}
    try:
        checked = check_row(dict(said), accounts)
    except RowRejected as error:
        return Person(
            number=row.number, profile=None, reason=error.reason, field=error.field or "row"
        )
    return Person(number=row.number, profile=profile_of_row(checked))


def _wrong(row: WrongRow) -> Person:
    return Person(number=row.number, profile=None, reason=row.reason, field="row")
