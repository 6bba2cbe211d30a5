"""`cadenza report`: what a cadence achieves, by step, by intent and by variant."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cadenza.insight.reporting import CadenceReport, Counts, VariantReport, report
from console.session import run, session
from console.terminal import screen, show_json, table

Name = Annotated[str, typer.Argument(help="The cadence.", metavar="CADENCE")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_COLUMNS = ("sent", "opened", "clicked", "replied", "reply rate", "bounced", "opted out",
            "accepted", "tasks done", "meetings")  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report_command)


def report_command(name: Name, as_json: Json = False) -> None:
    """Show what a cadence achieves: each step, each purpose, lever and value, each variant."""
    found = run(_read(name))
    if as_json:
        show_json(asdict(found))
    else:
        _show(found)


async def _read(name: str) -> CadenceReport:
    async with session() as here, here.database.snapshot() as db:
        return await report(db, here.catalog, name)


def _show(found: CadenceReport) -> None:
    shown = screen()
    shown.print(f"{found.title} ({found.cadence}, version {found.version})\n")
    steps = [(s.step, s.kind, *_cells(s.counts)) for s in found.steps]
    shown.print(table("Steps", ("step", "kind", *_COLUMNS), steps))
    for aspect, words in found.aspects.items():
        rows = [(word, *_cells(counts)) for word, counts in words.items()]
        shown.print()
        shown.print(table(f"By {aspect}", (aspect, *_COLUMNS), rows))
    if found.variants:
        columns = ("experiment", "variant", "enrollments", "ended", "won", "won, of those ended")
        shown.print()
        shown.print(table("Experiments", columns, [_variant(v) for v in found.variants]))


def _cells(counts: Counts) -> Sequence[Any]:
    rate = counts.reply_rate
    return (
        counts.sent,
        counts.opened,
        counts.clicked,
        counts.replied,
        None if rate is None else f"{rate:.1%}",
        counts.bounced,
        counts.unsubscribed,
        counts.connection_accepted,
        counts.tasks_done,
        counts.meetings,
    )


def _variant(v: VariantReport) -> Sequence[Any]:
    rate = None
    if v.low is not None and v.high is not None:
        rate = f"{v.won / v.ended:.1%} (95 %: {v.low:.1%} to {v.high:.1%})"
    return (v.experiment, v.variant, v.enrollments, v.ended, v.won, rate)
