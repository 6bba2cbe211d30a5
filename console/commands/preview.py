"""`cadenza preview`: every touch of a cadence as one prospect would get it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cadenza.authoring.previewing import Preview, previews
from cadenza.errors import ConfigurationError
from cadenza.model import Profile
from console.preview.mailing import mail_previews
from console.preview.messages import as_json as to_json
from console.preview.messages import as_text, files_of, headline, renderer
from console.preview.people import Subjects, choose_cadence, row_person, stored_prospect
from console.session import run
from console.terminal import screen, show_json

Which = Annotated[
    str, typer.Argument(metavar="CADENCE", help="A cadence file, or the name of an applied one.")
]
Who = Annotated[
    str | None,
    typer.Option("--prospect", metavar="KEY", help="A stored prospect: key, address or number."),
]
File = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="A file of prospects; with --row.")
]
Row = Annotated[
    int, typer.Option("--row", help="Its row, as a spreadsheet counts: 2 is the first.")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Write .eml, .html, .txt and .json there."),
]
SendTo = Annotated[
    str | None,
    typer.Option("--send-to", metavar="ADDRESS", help="Mail it to the team instead."),
]
AccountsFile = Annotated[
    Path | None,
    typer.Option("--accounts", metavar="FILE", help="Who signs and sends; else made up."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_FIRST_ROW = 2


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("preview")(preview)


def preview(  # noqa: PLR0917 - one parameter for each option
    cadence: Which,
    prospect: Who = None,
    csv: File = None,
    row: Row = 2,
    out: Out = None,
    send_to: SendTo = None,
    accounts: AccountsFile = None,
    as_json: Json = False,
) -> None:
    """Show every mail, text, social action, task and webhook as one prospect would get it.

    All variants of experiments are shown and marked. Nothing is sent to the
    prospect. A cadence file and a CSV file need no database.
    """
    if (prospect is None) == (csv is None):
        raise typer.BadParameter("give either --prospect or --csv")
    if row < _FIRST_ROW:
        raise typer.BadParameter(f"--row {row}: row 1 has the titles; the first prospect is row 2")
    run(_preview(cadence, prospect or (csv, row), accounts, out, send_to, as_json=as_json))


async def _preview(
    said: str,
    whom: str | tuple[Path | None, int],
    accounts: Path | None,
    out: Path | None,
    send_to: str | None,
    *,
    as_json: bool,
) -> None:
    chosen = await choose_cadence(said, accounts, sends=send_to is not None)
    if send_to is not None and not chosen.is_real:
        raise ConfigurationError("--send-to needs --accounts: the relay to send through")
    now = datetime.now(UTC)
    shown = _shown(chosen, await _person(whom, chosen), now)
    if out is not None:
        written = await asyncio.to_thread(_write, shown, out)
        screen().print(f"wrote {written} files to {out}", markup=False)
    elif send_to is not None:
        count = await mail_previews(shown, send_to, chosen.accounts, now)
        screen().print(f"mailed {count} previews to {send_to}", markup=False)
    elif as_json:
        show_json([to_json(one) for one in shown])
    else:
        _print(shown)


async def _person(whom: str | tuple[Path | None, int], chosen: Subjects) -> Profile:
    match whom:
        case Path() as file, int(row):
            return row_person(file, row, chosen.accounts, is_real=chosen.is_real)
        case key:
            return await stored_prospect(str(key))


def _shown(chosen: Subjects, who: Profile, now: datetime) -> Sequence[Preview]:
    render = renderer(chosen.cadence, who, chosen.accounts, now)
    return previews(chosen.cadence, who, chosen.accounts, render)


def _write(shown: Sequence[Preview], out: Path) -> int:
    count = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        for one in shown:
            for name, content in files_of(one).items():
                (out / name).write_bytes(content)
                count += 1
    except OSError as error:
        raise ConfigurationError(f"{out}: cannot write there: {error.strerror}") from error
    return count


def _print(shown: Sequence[Preview]) -> None:
    console = screen()
    for one in shown:
        console.rule(headline(one), align="left")
        if one.to:
            console.print(f"To: {one.to}", style="dim", markup=False)
        style = "" if one.made is not None else "yellow"
        console.print(_printable(as_text(one)), style=style, markup=False)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)
