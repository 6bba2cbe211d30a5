"""`cadenza instance`: which deployment the database belongs to, and taking it over."""

from dataclasses import asdict
from typing import Annotated

import typer

from cadenza.errors import ConfigurationError
from cadenza.storage.instance import Claimed
from console.session import run, session
from console.terminal import facts, screen, show_json

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="The instance that the database belongs to; a copy of it sends nothing.",
        no_args_is_help=True,
    )
    group.command("show")(show)
    group.command("claim")(claim)
    app.add_typer(group, name="instance")


def show(as_json: Json = False) -> None:
    """Show to whom the database belongs, and whether it may send from here."""
    claimed, closed = run(_look())
    if as_json:
        document = {**asdict(claimed), "claimed_at": claimed.claimed_at} if claimed else None
        show_json({"claimed": document, "closed": closed})
        return
    lines = {
        "sends": f"no: {closed}" if closed else "yes",
        "instance": "nobody's"
        if closed
        else "nobody's yet: the first process that uses it claims it",
    }
    if claimed is not None:
        lines["instance"] = claimed.identity.name or "without a name (CADENZA_INSTANCE)"
        lines["claimed"] = f"{claimed.claimed_at:%Y-%m-%d %H:%M} UTC"
    screen().print(facts(lines))


def claim(yes: Yes = False) -> None:
    """Say that this database is the live one: it sends from now on, if it did not before.

    Do it only when no other copy of it is running.
    """
    _, closed = run(_look())
    if closed is None:
        screen().print("nothing to do: this database may send")
        return
    screen().print(closed)
    if not yes and not typer.confirm("No other copy of this database is running. Claim it?"):
        raise typer.Exit(1)
    run(_claim())
    screen().print("claimed: schedulers and workers go on within seconds")


async def _look() -> tuple[Claimed | None, str | None]:
    async with session() as here, here.database.snapshot() as db:
        _, claimed = await here.fence.look(db)
        return claimed, await here.fence.closed(db)


async def _claim() -> None:
    async with session() as here, here.database.transaction() as tx:
        await here.fence.claim(tx)
        if (closed := await here.fence.closed(tx)) is not None:
            raise ConfigurationError(f"claimed, and still closed: {closed}")
