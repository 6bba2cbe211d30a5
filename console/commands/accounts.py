"""`cadenza accounts`: how the sender accounts stand; let one rest, let it go on."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from cadenza.accounts.states import pause_account
from cadenza.slots.filling import go_on
from console.accounts_view import AccountLine, read_accounts
from console.session import run, session
from console.terminal import screen, show_json, table

Id = Annotated[str, typer.Argument(help="The account's id in the accounts file.", metavar="ID")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept, and shown to everybody.")]
ForGood = Annotated[
    bool,
    typer.Option(
        "--for-good",
        help="It will not come back: its people go on from other accounts, where no thread binds.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(help="Sender accounts: how they stand, rest, go on.", no_args_is_help=True)
    family.command("list")(list_accounts)
    family.command("pause")(pause)
    family.command("resume")(resume)
    app.add_typer(family, name="accounts")


def list_accounts(as_json: Json = False) -> None:
    """Show all sender accounts: today's use, health, and which of them rest."""
    lines = run(_list())
    if as_json:
        show_json([asdict(line) for line in lines])
    else:
        columns = ("account", "channel", "group", "state", "today", "cap", "sent", "bounced",
                   "complained", "why")  # fmt: skip
        screen().print(table("Sender accounts", columns, [_row(line) for line in lines]))


def pause(account: Id, reason: Reason = "paused by hand", for_good: ForGood = False) -> None:
    """Let an account rest: its touches wait until `cadenza accounts resume`."""
    run(_pause(account, reason, for_good=for_good))
    screen().print(f"{account} {'is retired' if for_good else 'rests'}: {reason}", markup=False)


def resume(account: Id) -> None:
    """Let an account go on; what waited for it gets free times from now on."""
    count = run(_resume(account))
    screen().print(f"{account} goes on; {count:,} touches waited for it", markup=False)


async def _list() -> Sequence[AccountLine]:
    async with session() as here, here.database.snapshot() as db:
        return await read_accounts(db, here.accounts, here.clock.now())


async def _pause(account: str, reason: str, *, for_good: bool) -> None:
    async with session() as here, here.database.transaction() as tx:
        await pause_account(
            tx, here.accounts, account, reason=reason, for_good=for_good, clock=here.clock
        )


async def _resume(account: str) -> int:
    async with session() as here, here.database.transaction() as tx:
        return await go_on(tx, here.ground, account)


def _row(line: AccountLine) -> Sequence[object]:
    return (
        line.id,
        line.channel,
        line.group,
        line.state,
        line.used,
        line.cap,
        line.sent,
        line.bounced,
        line.complained,
        line.reason,
    )
