"""`cadenza stop`: what a person decides about people, at once and for good."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from cadenza.by_hand import steering
from cadenza.by_hand.steering import Steered
from cadenza.by_hand.who import find_people
from cadenza.model import EnrollmentStatus, Profile
from cadenza.storage import enrollments
from cadenza.storage.database import Connection
from cadenza.storage.enrollments import Enrollment
from console.processes.common import Parts
from console.session import refuse, run, session
from console.terminal import screen, show_json, table

_MOST_SHOWN = 20

Who = Annotated[
    str,
    typer.Argument(
        help="A prospect by key, own id, email, phone or LinkedIn profile; or a company.",
        metavar="WHO",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Kept with the enrollment.")]
DoNotContact = Annotated[
    bool,
    typer.Option("--do-not-contact", help="Put them on the do-not-contact list as well."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON; goes with --yes.")]

Act = Callable[[Parts, Connection, Sequence[Profile]], Awaitable[Steered]]


@dataclass(frozen=True, kw_only=True)
class _Order:
    """What is to be done. verb: `stop`; past: `stopped`; from_: whom it concerns."""

    verb: str
    past: str
    from_: frozenset[EnrollmentStatus]
    act: Act


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("stop")(stop)


def stop(
    who: Who,
    reason: Reason = "stopped by hand",
    do_not_contact: DoNotContact = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """End everything that runs for a prospect or a company, at once and for good."""

    async def act(here: Parts, tx: Connection, people: Sequence[Profile]) -> Steered:
        return await steering.stop(
            tx,
            people,
            reason=reason,
            do_not_contact=do_not_contact,
            course=here.course,
            clock=here.clock,
        )

    running = frozenset({EnrollmentStatus.ACTIVE, EnrollmentStatus.PAUSED})
    order = _Order(verb="stop", past="stopped", from_=running, act=act)
    run(_steer(who, order, even_if_idle=do_not_contact, yes=yes, as_json=as_json))


async def _steer(who: str, order: _Order, *, even_if_idle: bool, yes: bool, as_json: bool) -> None:
    if as_json and not yes:
        raise typer.BadParameter("--json cannot ask: add --yes")
    async with session() as here:
        async with here.database.connection() as db:
            people = await find_people(db, who)
            concerned = await _concerned(db, people, order.from_)
            await here.catalog.load(db, {e.version_id for e in concerned})
        if not concerned and not even_if_idle:
            refuse(f"{_counted(len(people), 'prospect')}, and nothing of theirs to {order.verb}")
        if not as_json:
            _show(here, people, concerned)
        if not yes:
            typer.confirm(f"{order.verb.capitalize()} this?", abort=True)
        async with here.database.transaction() as tx:
            # Whom it concerns is read again: time went by while somebody thought.
            done = await order.act(here, tx, await find_people(tx, who))
    if as_json:
        show_json(
            {
                "prospects": len(people),
                "enrollments": list(done.enrollments),
                "suppressed": done.suppressed,
            }
        )
        return
    screen().print(f"{order.past} {_counted(len(done.enrollments), 'enrollment')}")
    if done.suppressed:
        screen().print(f"{_counted(done.suppressed, 'new entry')} on the do-not-contact list")


async def _concerned(
    db: Connection, people: Sequence[Profile], statuses: frozenset[EnrollmentStatus]
) -> Sequence[Enrollment]:
    by_prospect = await enrollments.of_prospects(db, [p.prospect_id for p in people])
    known = await enrollments.load(db, [i for some in by_prospect.values() for i in some])
    return [e for _, e in sorted(known.items()) if e.state.status in statuses]


def _show(here: Parts, people: Sequence[Profile], concerned: Sequence[Enrollment]) -> None:
    rows = [
        (
            e.enrollment_id,
            e.profile.key,
            here.catalog[e.version_id].name,
            e.subject,
            e.state.status,
            e.state.step,
        )
        for e in concerned[:_MOST_SHOWN]
    ]
    title = f"{_counted(len(people), 'prospect')}, {_counted(len(concerned), 'enrollment')}"
    columns = ("enrollment", "prospect", "cadence", "subject", "state", "at step")
    screen().print(table(title, columns, rows))
    if len(concerned) > _MOST_SHOWN:
        by_cadence = Counter(here.catalog[e.version_id].name for e in concerned)
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(by_cadence.items()))
        screen().print(f"… in all: {told}", style="dim", markup=False)


def _counted(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") else f"{count:,} {noun}s"
