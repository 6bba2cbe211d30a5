"""From sources to a cadence."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cadenza.errors import CadenceError
from cadenza.language.cadence import Cadence, Overdue
from cadenza.language.fields import read_yaml
from cadenza.language.header import Header, take_header
from cadenza.language.reading import ENDINGS, Sources, cannot_read, read_sources
from cadenza.language.reporter import Reporter
from cadenza.language.source import Problem
from cadenza.language.steps import Steps, take_steps

__all__ = ["Sources", "compile_cadence", "load_cadence", "read_sources"]


def compile_cadence(sources: Sources) -> Cadence:
    """Check and compile. Pure. Raises CadenceError with every problem found."""
    files = [name for name in sources if name.endswith(ENDINGS)]
    if len(files) != 1:
        raise cannot_read("cadence.yaml", f"sources hold one cadence file, not {len(files)}")
    reporter = Reporter()
    fields = read_yaml(files[0], sources[files[0]], reporter)
    header = take_header(fields, sources) if fields else None
    steps = take_steps(fields, header, sources) if fields and header else None
    if fields:
        fields.done()
    reporter.raise_if_any()
    if header is None or steps is None:
        raise AssertionError("a cadence that is not compiled has a problem that was reported")
    return Cadence(
        name=header.name,
        title=header.title,
        objective=header.objective,
        service=header.service,
        days=header.days,
        exits=header.exits,
        windows=header.windows,
        groups=header.groups,
        steps=steps.steps,
        following=steps.following,
        locale=header.locale,
        values=header.values,
        signals=header.signals,
        statuses=header.statuses,
        requires=header.requires,
        experiments=header.experiments,
        enroll=header.enroll,
        segments=header.segments,
        intents=steps.intents,
        written_as=steps.written_as,
        inside=steps.inside,
        lane_of=steps.lane_of,
        overdue=_overdue(header, steps),
    )


def _overdue(header: Header, steps: Steps) -> Mapping[str, Overdue]:
    """What each touch says of itself, else what the cadence says of all."""
    touches = [name for name, step in steps.steps.items() if "overdue" in step.keys]
    common = dict.fromkeys(touches, header.overdue) if header.overdue else {}
    return {**common, **steps.overdue}


def load_cadence(path: Path) -> tuple[Sources, Cadence]:
    """Read and compile. Raises CadenceError whose places name files as `path` does."""
    try:
        sources = read_sources(path)
        return sources, compile_cadence(sources)
    except CadenceError as error:
        raise CadenceError([_under(path.parent, problem) for problem in error.problems]) from error


def _under(folder: Path, problem: Problem) -> Problem:
    return replace(problem, place=replace(problem.place, file=str(folder / problem.place.file)))
