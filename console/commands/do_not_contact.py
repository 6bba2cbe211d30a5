"""`cadenza do-not-contact`: the list of those who must not be touched."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from cadenza.by_hand.steering import BY_HAND, personal_keys
from cadenza.by_hand.who import find_people
from cadenza.errors import CadenzaError, ConfigurationError, UnknownName
from cadenza.storage import do_not_contact as rows
from cadenza.storage.database import Connection
from cadenza.storage.do_not_contact import Entry
from cadenza.storage.suppressions import MARKETING, forbidding
from cadenza.suppression.do_not_contact import (
    REASON,
    Forbidden,
    allow_all,
    for_marketing,
    forbid_all,
    read_entry,
)
from console.enroll.columns import map_columns
from console.enroll.csv_text import Table
from console.enroll.table import read_file
from console.session import refuse, run, session
from console.terminal import cell, screen, show_json, table

_MOST_SHOWN = 50
_PAGE = 1_000
# Which columns of a file are of use here, and what their cells are.
_KINDS: Mapping[str, str] = {
    "email": "email:",
    "domain": "domain:",
    "phone": "phone:",
    "linkedin": "social:",
    "id": "prospect:id:",
}

ListFile = Annotated[
    Path,
    typer.Argument(
        help="One entry a line, or a CSV file with columns such as email, phone, domain, id.",
        metavar="FILE",
    ),
]
Entries = Annotated[
    list[str],
    typer.Argument(
        help="ada@example.com, example.com (everybody there), +33…, a LinkedIn profile, id:4711.",
        metavar="KEY…",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Kept with the entries.")]
MarketingOnly = Annotated[
    bool,
    typer.Option(
        "--marketing-only",
        help="Only sales cadences: what is said about an order or a claim goes on.",
    ),
]
Containing = Annotated[str, typer.Option("--containing", help="Only with this in their key.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most this many.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, kw_only=True)
class BadLine:
    """A line that is no entry."""

    line: int
    reason: str


def register(app: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(
        help="Addresses, domains, numbers and people that must not be touched.",
        no_args_is_help=True,
    )
    family.command("import")(import_)
    family.command("add")(add)
    family.command("remove")(remove)
    family.command("list")(list_)
    family.command("check")(check)
    app.add_typer(family, name="do-not-contact")


def import_(
    file: ListFile,
    reason: Reason = REASON,
    marketing_only: MarketingOnly = False,
    as_json: Json = False,
) -> None:
    """Put the entries of a file on the list, and end what they forbid, as opted out.

    May be repeated. Lines that cannot be read are told and do not stop the others.
    """
    try:
        keys, bad = read_list(file)
    except CadenzaError as error:
        refuse(str(error))
    if marketing_only:
        keys = [for_marketing(key) for key in keys]
    done = run(_forbid(keys, reason, source="import"))
    if as_json:
        show_json({**asdict(done), "bad_lines": [asdict(line) for line in bad]})
    else:
        if bad:
            lines = [(line.line, line.reason) for line in bad[:_MOST_SHOWN]]
            screen().print(table(f"{len(bad):,} lines are no entries", ("line", "reason"), lines))
        _show_done(done)
    if bad and not keys:
        raise typer.Exit(1)


def add(
    entries: Entries,
    reason: Reason = REASON,
    marketing_only: MarketingOnly = False,
    as_json: Json = False,
) -> None:
    """Put entries on the list, and end what they forbid, as opted out."""
    keys = [_read(entry) for entry in entries]
    if marketing_only:
        keys = [for_marketing(key) for key in keys]
    done = run(_forbid(keys, reason, source=BY_HAND))
    if as_json:
        show_json(asdict(done))
    else:
        _show_done(done)


def remove(entries: Entries, marketing_only: MarketingOnly = False, as_json: Json = False) -> None:
    """Take entries off the list. What was ended because of them stays so.

    An opt-out from marketing is the prospect's own: it is left unless you say
    `--marketing-only`, and goes only when they ask for it.
    """
    keys = [_read(entry) for entry in entries]
    if marketing_only:
        keys = [for_marketing(key) for key in keys]
    removed, left = run(_allow(keys))
    if as_json:
        show_json({"removed": removed, "left": [asdict(entry) for entry in left]})
        return
    screen().print(f"removed {removed:,}")
    for entry in left:
        screen().print(cell(f"still there: {entry.key} ({entry.reason}; {entry.source})"))


def list_(containing: Containing = "", limit: Limit = 1000, as_json: Json = False) -> None:
    """Show the list, in order of its keys."""
    found = run(_list(containing, limit))
    if as_json:
        show_json([asdict(entry) for entry in found])
        return
    _show_entries(found)
    if len(found) == limit:
        screen().print("… there may be more; see --limit", style="dim")


def check(entries: Entries, as_json: Json = False) -> None:
    """Say whether people or addresses are on the list. Status 1 if one of them is not.

    A prospect is on it by name, by address, or by the domain of the address. Keys
    that begin with `marketing:` forbid sales cadences alone.
    """
    found = run(_check(entries))
    if as_json:
        show_json({what: [asdict(entry) for entry in why] for what, why in found.items()})
    else:
        for what, why in found.items():
            told = ", ".join(
                f"{e.key} since {e.created_at:%Y-%m-%d} ({e.reason}; {e.source})" for e in why
            )
            screen().print(cell(f"{what}: {told or 'not on the list'}"))
    if not all(found.values()):
        raise typer.Exit(1)


def read_list(path: Path) -> tuple[Sequence[str], Sequence[BadLine]]:
    """The keys of a file, and its lines that are none. Raises as `read_file` does."""
    keys: list[str] = []
    bad: list[BadLine] = []
    for line, text in _texts(read_file(path)):
        try:
            keys.append(read_entry(text))
        except ValueError as error:
            bad.append(BadLine(line=line, reason=str(error)))
    return keys, bad


def _texts(read: Table) -> Iterator[tuple[int, str]]:
    """(line, entry): of a file with known columns their cells, else the first cell of each line."""
    columns = [c for c in map_columns(read.header, {}) if c.member in _KINDS]
    if not columns:
        yield from ((1, read.header[0]),) if not read.header[0].startswith("#") else ()
    for record in read.records:
        if not columns and not record.cells[0].startswith("#"):
            yield record.number, record.cells[0]
        for column in columns:
            cell = record.cells[column.index].strip() if column.index < len(record.cells) else ""
            if cell:
                yield record.number, _KINDS[column.member] + cell


def _read(text: str) -> str:
    try:
        return read_entry(text)
    except ValueError as error:
        refuse(f"{text!r} {error}")


async def _forbid(keys: Sequence[str], reason: str, *, source: str) -> Forbidden:
    async with session() as here:
        return await forbid_all(
            here.database,
            keys,
            reason=reason,
            source=source,
            course=here.course,
            clock=here.clock,
        )


async def _allow(keys: Sequence[str]) -> tuple[int, Sequence[Entry]]:
    """How many were taken off, and what else forbids the same addresses and people."""
    async with session() as here:
        removed = await allow_all(here.database, keys)
        plain = [key.removeprefix(MARKETING) for key in keys]
        async with here.database.connection() as db:
            return removed, await rows.entries(db, forbidding(plain, service=False))


async def _list(containing: str, limit: int) -> Sequence[Entry]:
    found: list[Entry] = []
    async with session() as here, here.database.connection() as db:
        while len(found) < limit:
            page = await rows.listed(
                db,
                containing=containing,
                after=found[-1].key if found else "",
                most=min(_PAGE, limit - len(found)),
            )
            found += page
            if not page:
                break
    return found


async def _check(entries: Sequence[str]) -> Mapping[str, Sequence[Entry]]:
    async with session() as here, here.database.connection() as db:
        return {entry: await rows.entries(db, await _keys(db, entry)) for entry in entries}


async def _keys(db: Connection, text: str) -> Sequence[str]:
    """Every key that would forbid a touch of what is written here."""
    keys: set[str] = set()
    try:
        keys.add(read_entry(text))
    except ValueError as error:
        wrong = str(error)
    else:
        wrong = ""
    try:
        for person in await find_people(db, text):
            keys.update(personal_keys(person))
    except UnknownName:
        if wrong:
            raise ConfigurationError(f"{text!r} {wrong}") from None
    domains = {f"domain:{k.rpartition('@')[2]}" for k in keys if k.startswith("email:")}
    return sorted(forbidding(sorted(keys | domains), service=False))


def _show_entries(found: Sequence[Entry]) -> None:
    if not found:
        screen().print("nothing is on the list")
        return
    columns = ("key", "forbids", "reason", "source", "since (UTC)")
    lines = [(e.key, e.forbids, e.reason, e.source, e.created_at) for e in found]
    screen().print(table("Do not contact", columns, lines))


def _show_done(done: Forbidden) -> None:
    screen().print(
        f"added {done.added:,}   there already {done.known:,}   "
        f"enrollments stopped {done.stopped:,}"
    )
