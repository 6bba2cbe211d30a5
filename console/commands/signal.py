"""`cadenza signal`: tell the enrollments of an order, a claim or a person what happened."""

import json
import secrets
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cadenza.storage import receipts
from cadenza.storage.receipts import SIGNAL, RowVerdict
from console.session import refuse, run, session
from console.terminal import screen, show_json
from workers.take_signals import SignalTaker

Name = Annotated[str, typer.Argument(help="A signal that an applied cadence declares.")]
Subject = Annotated[
    str | None, typer.Option("--subject", help="What it is about: the id of an order, a claim …")
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="NAME=VALUE",
        help="What is known of the subject now; party.WHO.NAME for another party.",
    ),
]
Prospect = Annotated[
    list[str] | None,
    typer.Option(
        "--prospect",
        metavar="MEMBER=VALUE",
        help="Whom it is about, as in an enrollment: email=…, country=…, first_name=…",
    ),
]
Key = Annotated[
    str | None, typer.Option("--key", help="Names it for ever: sent again, it does nothing.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("signal")(signal)


def signal(  # noqa: PLR0917 - typer reads them as options
    name: Name,
    subject: Subject = None,
    field: Fields = None,
    prospect: Prospect = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Tell what happened outside; workers let the enrollments concerned react within a moment."""
    told: dict[str, Any] = {"signal": name}
    if subject is not None:
        told["subject"] = subject
    if field:
        told["fields"] = _pairs("--field", field)
    if prospect:
        told["prospect"] = _pairs("--prospect", prospect)
    key = key or f"cli-{secrets.token_hex(12)}"
    verdict = run(_tell(key, told))
    if as_json:
        show_json({"key": key, "verdict": verdict.verdict, "reason": verdict.reason})
    if verdict.verdict != "recorded":
        where = f"`{verdict.field}` " if verdict.field else ""
        refuse(f"the signal is not taken: {where}{verdict.reason}")
    if not as_json:
        screen().print(f"recorded {name} under key {key}", markup=False)


def _pairs(option: str, said: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in said:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise typer.BadParameter(f"{option} {text!r}: write NAME=VALUE")
        pairs[name.strip()] = value.strip()
    return pairs


async def _tell(key: str, told: dict[str, Any]) -> RowVerdict:
    async with session() as here:
        taker = SignalTaker(database=here.database, ground=here.ground)
        receipt = await taker.take(json.dumps({"key": key, "signals": [told]}).encode())
        if receipt.status == "unreadable":
            return RowVerdict(row_number=0, verdict="rejected", reason=receipt.reason)
        async with here.database.connection() as db:
            (verdict,) = await receipts.verdicts(db, receipt.message_key, kind=SIGNAL)
    return verdict
