"""From files on disk to sources, and from sources to a cadence."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from cadenza.errors import CadenceError
from cadenza.language.cadence import Cadence
from cadenza.language.fields import read_yaml
from cadenza.language.header import take_header
from cadenza.language.source import Place, Problem, Reporter
from cadenza.language.step_context import template_paths
from cadenza.language.steps import take_steps

Sources = Mapping[str, str]
"""Relative path → text, of one cadence file (the only `.yaml`) and the mail templates that it
uses. JSON-able; what is stored as a version."""

MAX_FILE_BYTES = 256 * 1024
MAX_TEMPLATES = 200

_YAML = (".yaml", ".yml")
_TEMPLATE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)?")


def read_sources(path: Path) -> Sources:
    """Read a cadence file and the templates that it names, from beside it.

    Templates that do not exist are left out; compiling reports them.
    Raises CadenceError when a file cannot be read, is too large, or lies
    outside the cadence's folder.
    """
    sources = {path.name: _read(path, path.name)}
    folder = path.parent
    for candidates in _template_files(path.name, sources[path.name]):
        file = next((name for name in candidates if (folder / name).is_file()), None)
        if file is None or file in sources:
            continue
        if not (folder / file).resolve().is_relative_to(folder.resolve()):
            raise _cannot_read(file, "it lies outside the cadence's folder; copy it there")
        if len(sources) > MAX_TEMPLATES:
            raise _cannot_read(file, f"a cadence has at most {MAX_TEMPLATES} templates")
        sources[file] = _read(folder / file, file)
    return sources


def compile_cadence(sources: Sources) -> Cadence:
    """Check and compile. Pure. Raises CadenceError with every problem found."""
    files = [name for name in sources if name.endswith(_YAML)]
    if len(files) != 1:
        raise _cannot_read("cadence.yaml", f"sources hold one cadence file, not {len(files)}")
    reporter = Reporter()
    fields = read_yaml(files[0], sources[files[0]], reporter)
    header = take_header(fields) if fields else None
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
    )


def load_cadence(path: Path) -> tuple[Sources, Cadence]:
    """Read and compile. Raises CadenceError whose places name files as `path` does."""
    try:
        sources = read_sources(path)
        return sources, compile_cadence(sources)
    except CadenceError as error:
        raise CadenceError([_under(path.parent, problem) for problem in error.problems]) from error


def _under(folder: Path, problem: Problem) -> Problem:
    return replace(problem, place=replace(problem.place, file=str(folder / problem.place.file)))


def _template_files(file: str, source: str) -> Iterator[list[str]]:
    """Where each template that a cadence names may lie, whatever else is wrong with it."""
    fields = read_yaml(file, source, Reporter())
    if fields is None:
        return
    name = fields.text("cadence")
    for step in fields.mappings("steps", "a step"):
        template = step.text("email")
        if template and _TEMPLATE_NAME.fullmatch(template.value):
            yield template_paths(name.value if name else "", template.value)


def _read(path: Path, file: str) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _cannot_read(file, f"it is larger than {MAX_FILE_BYTES // 1024} KiB")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _cannot_read(file, f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _cannot_read(file, "it is not UTF-8; save it with that encoding") from error
    return text.replace("\r\n", "\n")


def _cannot_read(file: str, message: str) -> CadenceError:
    return CadenceError([Problem(place=Place(file=file, line=1, column=1), message=message)])
