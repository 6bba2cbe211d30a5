"""`cadenza capacity`: each account's coming days, used and free, and what binds."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

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
    found = [line for line in run(_forecast(days)) if account in (None, line.account)]
    if as_json:
        show_json([{**asdict(line), "day": line.day.isoformat()} for line in found])
        return
    columns = ("account", "day", "taken", "cap", "free", "for new people", "binds")
    screen().print(table(f"The next {days} days", columns, [_row(line) for line in found]))


async def _forecast(days: int) -> Sequence[DayOfAccount]:
    async with session() as here, here.database.transaction() as tx:
        now, pacer = here.clock.now(), here.course.pacer
        book = await pacer.books.view(tx, now + timedelta(days=days + 1))
        await pacer.states.refresh(tx)
        resting = [*pacer.states.paused, *pacer.states.retired]
        return forecast(here.accounts, book, now, days, resting=resting)


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
