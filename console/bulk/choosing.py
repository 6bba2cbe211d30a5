"""Which enrollments a command means: `WHO`, and `--where KEY=VALUE`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from cadenza.by_hand.who import find_people
from cadenza.language.source import did_you_mean, listed
from cadenza.model import EnrollmentStatus
from cadenza.storage.database import Connection
from cadenza.storage.standing import Selection

KEYS = ("cadence", "version", "step", "owner", "company", "country", "subject", "reason", "status")
"""What `--where` knows beside `field.NAME`; `status` is the one that the team sees."""

Who = Annotated[
    str | None,
    typer.Argument(
        help="A prospect by key, own id, email, phone or LinkedIn profile; or a company.",
        metavar="[WHO]",
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        "-w",
        metavar="KEY=VALUE",
        help=f"Only these: {listed(KEYS)}, or field.NAME of the prospect. May be repeated: "
        "all of them must fit.",
    ),
]


async def choose(
    db: Connection,
    who: str | None,
    where: Sequence[str] | None,
    statuses: frozenset[EnrollmentStatus],
) -> Selection:
    """What is meant. Raises typer.BadParameter for what makes no sense, UnknownName for nobody."""
    if who is None and not where:
        raise typer.BadParameter("say whom: a prospect or company, or --where KEY=VALUE")
    wanted = Selection(statuses=sorted(statuses))
    for text in where or ():
        wanted = _narrowed(wanted, text)
    if who is not None:
        people = await find_people(db, who)
        wanted = replace(wanted, who=[person.key for person in people])
    return wanted


def _narrowed(wanted: Selection, text: str) -> Selection:
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not value:
        raise typer.BadParameter(f"--where {text!r}: write KEY=VALUE, for instance country=FR")
    if "\0" in text:
        raise typer.BadParameter("--where takes no NUL")
    if key.startswith("field."):
        return replace(wanted, field=(key.removeprefix("field."), value))
    match key:
        case "version":
            if not value.isdecimal() or len(value) > 9:
                raise typer.BadParameter(f"--where {text!r}: a version is a number")
            return replace(wanted, version=int(value))
        case "status":
            return replace(wanted, crm_status=value)
        case _ if key in KEYS:
            said: dict[str, Any] = {key: value}
            return replace(wanted, **said)
    guess = did_you_mean(key, KEYS)
    raise typer.BadParameter(
        f"--where {text!r}: {key!r} is not known{guess}; write {listed(KEYS)}, "
        "or field.NAME for a field of the prospect"
    )
