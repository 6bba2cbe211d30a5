"""`cadenza draw`: pictures of cadences."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cadenza.authoring.drawing.calendar import calendar_of
from cadenza.authoring.drawing.calendar_svg import draw_calendar
from cadenza.authoring.drawing.graph import graph_of
from cadenza.authoring.drawing.graph_svg import draw_graph
from cadenza.authoring.drawing.links import links_between
from cadenza.authoring.drawing.mermaid import mermaid
from cadenza.errors import CadenzaError, ConfigurationError
from cadenza.language.files import cadence_files
from cadenza.language.loader import load_cadence
from cadenza.language.written import Written
from console.session import refuse
from console.terminal import screen


class Kind(StrEnum):
    """What is drawn."""

    GRAPH = "graph"
    CALENDAR = "calendar"


class Format(StrEnum):
    """How it is written."""

    SVG = "svg"
    MERMAID = "mermaid"


Paths = Annotated[
    list[Path],
    typer.Argument(
        help="Cadence files, or folders whose cadence files are meant.", metavar="PATH…"
    ),
]
As = Annotated[Kind, typer.Option("--as", help="The steps and ways, or the days.")]
How = Annotated[Format, typer.Option("--format", help="Mermaid is for graphs.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The file to write; a folder for several cadences. Else standard output.",
        metavar="FILE",
    ),
]
All = Annotated[
    bool, typer.Option("--all", help="One picture of the links between all cadences given.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("draw")(draw)


def draw(
    paths: Paths,
    kind: As = Kind.GRAPH,
    how: How = Format.SVG,
    out: Out = None,
    links: All = False,
) -> None:
    """Draw cadences as a graph or a calendar, in SVG, or as a Mermaid flowchart."""
    if kind is Kind.CALENDAR and how is Format.MERMAID:
        raise typer.BadParameter("Mermaid draws graphs only: leave out --as calendar")
    if kind is Kind.CALENDAR and links:
        raise typer.BadParameter("--all draws a graph: leave out --as calendar")
    try:
        files = cadence_files(paths)
        pictures = {"links": _links(files, how)} if links else _each(files, kind, how)
        _write(pictures, out, how)
    except CadenzaError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"cannot write {error.filename}: {error.strerror}")


def _links(files: Sequence[Path], how: Format) -> str:
    graph = links_between([load_cadence(file)[1] for file in files])
    return mermaid(graph) if how is Format.MERMAID else draw_graph(graph)


def _each(files: Sequence[Path], kind: Kind, how: Format) -> dict[str, str]:
    pictures: dict[str, str] = {}
    for file in files:
        sources, cadence = load_cadence(file)
        if cadence.name in pictures:
            raise ConfigurationError(
                f"{file}: `cadence: {cadence.name}` is also the name in another of these files; "
                "rename one of them"
            )
        written = Written(sources)
        if kind is Kind.CALENDAR:
            drawn = draw_calendar(calendar_of(cadence, written))
        else:
            graph = graph_of(cadence, written)
            drawn = mermaid(graph) if how is Format.MERMAID else draw_graph(graph)
        pictures[cadence.name] = drawn
    return pictures


def _write(pictures: dict[str, str], out: Path | None, how: Format) -> None:
    if out is None:
        if len(pictures) > 1:
            raise typer.BadParameter("write several pictures into a folder: --out FOLDER")
        sys.stdout.write("".join(pictures.values()))
        return
    ending = "svg" if how is Format.SVG else "mmd"
    for name, picture in pictures.items():
        several = len(pictures) > 1 or out.is_dir()
        file = out / f"{name}.{ending}" if several else out
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(picture, encoding="utf-8")
        screen().print(str(file), markup=False)
