"""`cadenza outcome`, `cadenza status-of`: what a rep decides about one enrollment."""

from dataclasses import asdict
from typing import Annotated

import typer

from cadenza.by_hand import outcomes
from cadenza.by_hand.outcomes import BY_REPS, StatusReport
from cadenza.model import EnrollmentId, Outcome
from console.session import run, session
from console.terminal import facts, screen, show_json, span, table

Number = Annotated[
    int,
    typer.Argument(help="Number of the enrollment.", metavar="ENROLLMENT", min=1, max=2**63 - 1),
]
Said = Annotated[str, typer.Argument(help=f"One of: {', '.join(BY_REPS)}.", metavar="OUTCOME")]
Note = Annotated[str, typer.Option("--note", help="Kept as the reason.")]
Set = Annotated[str | None, typer.Option("--set", help="Change it to this one.", metavar="STATUS")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("outcome")(outcome)
    app.command("status-of")(status_of)


def outcome(number: Number, said: Said, note: Note = "", as_json: Json = False) -> None:
    """End an enrollment as it really ended; what the cadence requires before must be done."""
    if said not in list(BY_REPS):
        raise typer.BadParameter(f"{said!r} is no outcome; choose one of: {', '.join(BY_REPS)}")
    run(_set_outcome(number, Outcome(said), note))
    if as_json:
        show_json({"enrollment": number, "outcome": said})
    else:
        screen().print(f"enrollment {number} ended: {said}", markup=False)


def status_of(number: Number, new: Set = None, as_json: Json = False) -> None:
    """Show the status that an enrollment has in the CRM, and for how long; or change it."""
    report = run(_status(number, new))
    if as_json:
        show_json(asdict(report))
    else:
        _show(report)


async def _set_outcome(number: int, said: Outcome, note: str) -> None:
    async with session() as here, here.database.transaction() as tx:
        await outcomes.set_outcome(
            tx, EnrollmentId(number), said, note, course=here.course, clock=here.clock
        )


async def _status(number: int, new: str | None) -> StatusReport:
    enrollment_id = EnrollmentId(number)
    async with session() as here:
        if new is None:
            async with here.database.snapshot() as db:
                return await outcomes.status_of(db, enrollment_id, course=here.course)
        async with here.database.transaction() as tx:
            return await outcomes.set_status(
                tx, enrollment_id, new, course=here.course, clock=here.clock
            )


def _show(report: StatusReport) -> None:
    shown = screen()
    shown.print(
        facts(
            {
                "status": report.status,
                "in the CRM": f"{report.field} = {report.value}",
                "may become": ", ".join(report.legal),
            }
        )
    )
    rows = [
        (s.status, s.entered_at, span(s.left_at - s.entered_at) if s.left_at else "since then")
        for s in report.history
    ]
    shown.print()
    shown.print(table("Statuses", ("status", "entered (UTC)", "for"), rows))
