"""`cadenza explain`: where an enrollment stands, how it came there, what it waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from cadenza.by_hand.who import find_people
from cadenza.insight.explaining import Explanation, Waiting, explain_enrollment
from cadenza.model import EnrollmentId
from cadenza.storage import explain as rows
from cadenza.storage.database import Connection
from cadenza.storage.explain import Summary
from console.processes.common import Parts
from console.session import run, session
from console.terminal import both_times, cell, facts, screen, show_json, table

What = Annotated[
    str,
    typer.Argument(
        help="Number of an enrollment; or a prospect or company, as for `cadenza stop`.",
        metavar="ENROLLMENT|WHO",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_MOST_DIGITS = 18
_TITLES = {
    "touch": "next touch",
    "batch": "being sent",
    "opening": "next task",
    "timer": "waits until",
    "task": "open task",
    "event": "waits for",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain")(explain)


def explain(what: What, as_json: Json = False) -> None:
    """Show where an enrollment stands, how it came there, and what it waits for.

    Of somebody with several enrollments, the list of them.
    """
    found = run(_explain(what))
    if isinstance(found, Explanation):
        if as_json:
            show_json(asdict(found))
        else:
            _show(screen(), found)
    elif as_json:
        show_json([asdict(line) for line in found])
    else:
        _show_list(found)


async def _explain(what: str) -> Explanation | Sequence[Summary]:
    async with session() as here, here.database.snapshot() as db:
        if what.isascii() and what.isdigit() and len(what) <= _MOST_DIGITS:
            return await _explained(db, here, EnrollmentId(int(what)))
        people = await find_people(db, what)
        found = await rows.of_prospects(db, [person.prospect_id for person in people])
        if len(found) == 1:
            return await _explained(db, here, found[0].enrollment_id)
        return found


async def _explained(db: Connection, here: Parts, enrollment_id: EnrollmentId) -> Explanation:
    return await explain_enrollment(
        db, here.ground, here.fence, enrollment_id, now=here.clock.now()
    )


def _show_list(found: Sequence[Summary]) -> None:
    columns = (
        "enrollment",
        "prospect",
        "cadence",
        "subject",
        "state",
        "outcome",
        "at step",
        "began (UTC)",
    )
    lines = [
        (
            e.enrollment_id,
            e.prospect,
            e.cadence,
            e.subject,
            e.status,
            e.outcome,
            e.step,
            e.started_at,
        )
        for e in found
    ]
    screen().print(table(f"{len(found):,} enrollments", columns, lines))


def _show(shown: Console, of: Explanation) -> None:
    zone = of.prospect["time_zone"]
    shown.print(facts(_head(of, zone)))
    for waiting in of.waits_for:
        shown.print()
        shown.print(facts(_waiting(waiting, zone)))
        if waiting.gates:
            shown.print(table("What holds it", ("gate", "opens", "why"), _gates(waiting, zone)))
    if not of.waits_for and of.enrollment.status == "active":
        shown.print("\nIt is active and waits for nothing, which should not be.", style="bold red")
    for title, columns, lines in _tables(of, zone):
        if lines:
            shown.print()
            shown.print(table(title, columns, lines))
    if of.suppressed:
        shown.print()
        shown.print(cell(f"on the do-not-contact list: {', '.join(of.suppressed)}"))


def _head(of: Explanation, zone: str) -> Mapping[str, Any]:
    enrollment, person = of.enrollment, of.prospect
    name = " ".join(str(person[n]) for n in ("first_name", "last_name") if person[n])
    reason = f": {enrollment.reason}" if enrollment.reason else ""
    ended = f" as {enrollment.outcome}" if enrollment.outcome else ""
    since = both_times(enrollment.changed_at, zone)
    return {
        "enrollment": str(enrollment.enrollment_id),
        "prospect": f"{name or person['key']} ({person['key']})",
        "company": person["company"],
        "owner": person["owner"],
        "cadence": f"{enrollment.cadence}, version {enrollment.version} ({of.title})",
        "subject": enrollment.subject,
        "state": f"{enrollment.status}{ended}{reason}, since {since}",
        "stands at": f"step {of.step}, day {of.day}",
        "began": both_times(enrollment.started_at, zone),
    }


def _waiting(waiting: Waiting, zone: str) -> Mapping[str, Any]:
    late = waiting.first_at is not None and waiting.first_at != waiting.at
    when = f"{both_times(waiting.at, zone)}: " if waiting.at else ""
    return {
        _TITLES[waiting.kind]: f"{when}{waiting.says}",
        "at the earliest": _earliest(waiting, zone),
        "was planned for": both_times(waiting.first_at, zone)
        if late and waiting.first_at
        else None,
        "tried": f"{waiting.attempts} times" if waiting.attempts else None,
        "window ends": both_times(waiting.window_end, zone) if waiting.window_end else None,
    }


def _earliest(waiting: Waiting, zone: str) -> str | None:
    if waiting.earliest is not None:
        return both_times(waiting.earliest, zone)
    return "not before somebody does something about it" if waiting.gates else None


def _gates(waiting: Waiting, zone: str) -> Sequence[Sequence[Any]]:
    return [
        (gate.name, both_times(gate.opens_at, zone) if gate.opens_at else None, gate.says)
        for gate in waiting.gates
    ]


def _tables(
    of: Explanation, zone: str
) -> Sequence[tuple[str, Sequence[str], Sequence[Sequence[Any]]]]:
    def when(moment: datetime | None) -> str | None:
        return both_times(moment, zone) if moment else None

    return [
        (
            "Steps",
            ("step", "kind", "visits", "what happened"),
            [
                (
                    f"{'→ ' if line.is_present else ''}{line.step}",
                    line.kind,
                    line.visits,
                    "\n".join(f"{what}: {when(at)}" for what, at in line.happened.items()),
                )
                for line in of.steps
            ],
        ),
        (
            "Touches",
            ("touch", "step", "channel", "from", "to", "status", "began", "code"),
            [
                (t.touch_id, t.step, t.channel, t.account, t.recipient, t.status,
                 when(t.began_at), t.code)
                for t in of.touches
            ],
        ),
        (
            "Events",
            ("event", "step", "source", "when"),
            [(e["type"], e["step"], e["source"], when(e["occurred_at"])) for e in of.events],
        ),
        (
            "Tasks",
            ("task", "step", "kind", "state", "owner", "due", "disposition"),
            [
                (t.task_id, t.step, t.kind, t.state, t.owner, when(t.due_at), t.disposition)
                for t in of.tasks
            ],
        ),
    ]  # fmt: skip
