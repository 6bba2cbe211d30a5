"""`cadenza enroll`: prospects of a CSV file, through queue messages like everybody else's."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cadenza.enrolling.envelope import MOST_ROWS
from cadenza.errors import UnknownName
from cadenza.storage import imports, receipts
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.receipts import Receipt
from console.enroll import showing
from console.enroll.client import EnrollmentClient
from console.enroll.columns import map_columns, read_mapping
from console.enroll.dry_run import dry_run
from console.enroll.messages import Part, split
from console.enroll.outcome import all_verdicts, read_outcome
from console.enroll.table import FileRow, WrongRow, read_file, rows_of
from console.processes.common import Parts
from console.session import run, session
from console.terminal import screen, show_json

_TIMEOUT_SECONDS = 60.0

CsvFile = Annotated[
    Path | None,
    typer.Option("--csv", help="The file; its first row names the columns.", metavar="FILE"),
]
CadenceName = Annotated[str | None, typer.Option("--cadence", help="An applied cadence.")]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="MEMBER=COLUMN",
        help="Which column is which, where its title does not tell: --map email='Mail (work)'. "
        "Members: id, email, phone, linkedin, company, country, time_zone, locale, owner, "
        "subject, company.NAME, subject.NAME, party.WHO.NAME, or any name that templates use.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option("--key", help="Name of this import for ever; made from its content if not given."),
]
Batch = Annotated[
    int, typer.Option("--batch", min=1, max=MOST_ROWS, help="Prospects in one message.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what each row would become, and send nothing.")
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all is accepted.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MessageKey = Annotated[
    str, typer.Argument(help="Key of a message, or of an import: KEY-1, KEY-2 …")
]
Rows = Annotated[bool, typer.Option("--rows", help="Show the verdict of every row.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(
        invoke_without_command=True,
        help="Enroll the prospects of a CSV file, or see what came of it.",
    )
    family.callback()(enroll)
    family.command("status")(status)
    app.add_typer(family, name="enroll")


def enroll(  # noqa: PLR0917 - typer reads them as options
    context: typer.Context,
    csv: CsvFile = None,
    cadence: CadenceName = None,
    mapped: Mapped = None,
    key: Key = None,
    batch: Batch = 1000,
    is_dry: DryRun = False,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Enroll the prospects of a CSV file in a cadence.

    The same file sent again enrolls nobody twice. Columns are recognised by
    their titles; encoding and delimiter are found out.
    """
    if context.invoked_subcommand is not None:
        return
    if csv is None or cadence is None:
        raise typer.BadParameter("an enrollment needs both --csv FILE and --cadence NAME")
    choices = _Choices(
        path=csv, cadence=cadence, mapped=mapped or (), key=key, batch=batch, as_json=as_json
    )
    if not run(_enroll(choices, is_dry=is_dry, wait=wait)):
        raise typer.Exit(1)


def status(key: MessageKey, rows: Rows = False, as_json: Json = False) -> None:
    """Show the receipt of an enrollment message, or those of a whole import."""
    run(_status(key, with_rows=rows, as_json=as_json))


@dataclass(frozen=True, kw_only=True)
class _Choices:
    """What was asked for."""

    path: Path
    cadence: str
    mapped: Sequence[str]
    key: str | None
    batch: int
    as_json: bool


async def _enroll(asked: _Choices, *, is_dry: bool, wait: bool) -> bool:
    """Returns whether anything of the file is, or would be, under way."""
    read = read_file(asked.path)
    columns = map_columns(read.header, read_mapping(asked.mapped))
    rows, wrong = rows_of(read, columns)
    async with session() as here:
        async with here.database.connection() as db:
            version = await here.catalog.newest(db, asked.cadence)
        if not asked.as_json:
            showing.show_columns(screen(), read, columns)
        if is_dry:
            return await _rehearse(here, asked, version, rows, wrong)
        parts = split(rows, cadence=asked.cadence, size=asked.batch, key=asked.key)
        if wait:
            return await _send_and_wait(here, asked, parts, wrong)
        return await _send(here, asked, parts)


async def _rehearse(
    here: Parts,
    asked: _Choices,
    version: StoredVersion,
    rows: Sequence[FileRow],
    wrong: Sequence[WrongRow],
) -> bool:
    fates = await dry_run(
        here.database, rows, version=version, ground=here.ground, now=here.clock.now()
    )
    if asked.as_json:
        show_json(showing.fates_as_json(fates, wrong))
    else:
        showing.show_fates(screen(), fates, wrong)
    return any(fate.verdict in ("enrolled", "duplicate") for fate in fates)


async def _send(here: Parts, asked: _Choices, parts: Sequence[Part]) -> bool:
    async with EnrollmentClient(here.settings.redis_url) as client:
        for part in parts:
            message = part.message
            await client.send(message.key, message.cadence, message.rows)
    keys = [part.message.key for part in parts]
    if asked.as_json:
        show_json({"keys": keys, "sent": sum(len(part.numbers) for part in parts)})
    else:
        name = keys[0].rpartition("-")[0] if keys else ""
        screen().print(f"\nsent {len(keys)} messages; see: cadenza enroll status {name}")
    return bool(parts)


async def _send_and_wait(
    here: Parts, asked: _Choices, parts: Sequence[Part], wrong: Sequence[WrongRow]
) -> bool:
    keys = [part.message.key for part in parts]
    async with here.database.connection() as db:
        known = {key: r for key in keys if (r := await receipts.find(db, key)) is not None}
    known = {key: receipt for key, receipt in known.items() if receipt.status == "accepted"}
    fresh = [part for part in parts if part.message.key not in known]
    found = {**known, **await _deliver(here, fresh, quiet=asked.as_json)}
    async with here.database.connection() as db:
        outcome = await read_outcome(db, parts, found, wrong)
    if asked.as_json:
        show_json(showing.outcome_as_json(keys, outcome))
        return outcome.is_good
    if parts and not fresh:
        first = min(receipt.received_at for receipt in known.values())
        screen().print(f"\nThis file was enrolled before, on {first:%Y-%m-%d %H:%M} UTC.")
    showing.show_outcome(screen(), outcome)
    return outcome.is_good


async def _deliver(here: Parts, parts: Sequence[Part], *, quiet: bool) -> dict[str, Receipt]:
    """Send and wait, with a bar that counts prospects."""
    sizes = {part.message.key: len(part.numbers) for part in parts}
    columns = (
        TextColumn("enrolling"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    bar = Progress(*columns, console=Console(stderr=True), disable=quiet or not parts)
    with bar:
        shown = bar.add_task("", total=sum(sizes.values()))
        async with EnrollmentClient(here.settings.redis_url) as client:
            received = await client.send_and_wait(
                [part.message for part in parts],
                _TIMEOUT_SECONDS,
                lambda receipt: bar.advance(shown, sizes[receipt.message_key]),
            )
    return dict(received)


async def _status(key: str, *, with_rows: bool, as_json: bool) -> None:
    async with session() as here, here.database.connection() as db:
        found = await imports.receipts_of(db, key)
        if not found:
            raise UnknownName(
                f"there is no receipt for {key!r}: it was never sent, or still waits in the queue"
            )
        rows = {r.message_key: await all_verdicts(db, r.message_key) for r in found if with_rows}
    if as_json:
        show_json(
            [
                {**r.as_json(), "rows": [asdict(v) for v in rows[r.message_key]]}
                if with_rows
                else r.as_json()
                for r in found
            ]
        )
        return
    showing.show_receipts(screen(), found)
    for message_key, verdicts in rows.items():
        showing.show_verdicts(screen(), message_key, verdicts)
