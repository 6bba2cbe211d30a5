"""`cadenza capacity`: each account's coming days, used and free, and what binds."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from cadenza.accounts.states import must_be_known
from console.capacity import DayOfAccount, forecast
from console.session import run, session
from console.terminal import screen, show_json, table

Days = Annotated[int, typer.Option("--days", min=1, max=90, help="How many days to look ahead.")]
Account = Annotated[str | None, typer.Option("--account", help="Only this account.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("capacity")(capacity)


def capacity(days: Days = 10, account: Account = None, as_json: Json = False) -> None:
    """Forecast each sender account's coming days: used, free, and what binds.

    Counted is what is planned now, in the account's own hours or else from
    09:00 to 17:00, Monday to Friday, of the organisation's time.
    """
    found = run(_forecast(days, account))
    if as_json:
        show_json([{**asdict(line), "day": line.day.isoformat()} for line in found])
        return
    columns = ("account", "day", "taken", "cap", "free", "for new people", "binds")
    screen().print(table(f"The next {days} days", columns, [_row(line) for line in found]))


async def _forecast(days: int, account: str | None) -> Sequence[DayOfAccount]:
    """Of one account or of all: what they share is counted for all either way."""
    async with session() as here, here.database.transaction() as tx:
        if account is not None:
            must_be_known(here.accounts, account)
        now, pacer = here.clock.now(), here.ground.pacer
        book = await pacer.books.view(tx, now + timedelta(days=days + 1))
        await pacer.states.refresh(tx)
        resting = [*pacer.states.paused, *pacer.states.retired]
        told = forecast(here.accounts, book, now, days, resting=resting)
        return [line for line in told if account in (None, line.account)]


def _row(line: DayOfAccount) -> Sequence[object]:
    return (
        line.account,
        f"{line.day:%a %Y-%m-%d}",
        line.taken,
        line.cap,
        "no limit" if line.free is None else line.free,
        "no limit" if line.free_for_new is None else line.free_for_new,
        line.binds,
    )
