"""From files on disk to sources: the cadence file and all that it uses."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cadenza.errors import CadenceError
from cadenza.language.attachments import ATTACHMENT_FOLDER, is_attachment_name, may_name
from cadenza.language.fields import Fields, read_yaml
from cadenza.language.partials import cited_partials, partial_folders
from cadenza.language.reporter import Reporter
from cadenza.language.segments import TABLE_NAME
from cadenza.language.source import Place, Problem
from cadenza.language.step_context import template_folders
from cadenza.language.variants import name_meant, template_file

Sources = Mapping[str, str]
"""Relative path → text, of one cadence file (the only `.yaml`) and what it uses: its mail
templates with their variants and partials, the tables of its segments, its attachments (in
base64). JSON-able; what is stored as a version."""

ENDINGS = (".yaml", ".yml")
"""Of the names of cadence files."""
MAX_FILE_BYTES = 256 * 1024
MAX_TEMPLATES = 500
MAX_TEXT_BYTES = 4 * 1024 * 1024
"""Of all texts of a cadence together."""
MAX_ATTACHMENT_BYTES = 2 * 1024 * 1024
MAX_ATTACHMENTS_BYTES = 8 * 1024 * 1024
"""Of all of a cadence's attachments together."""

_TEMPLATE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)?")
_CADENCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


def read_sources(path: Path) -> Sources:
    """Read a cadence file and what it names, from beside it.

    What does not exist is left out; compiling reports it. Raises
    CadenceError when a file cannot be read, is too large, or lies outside
    the cadence's folder.
    """
    if path.suffix not in ENDINGS:
        raise cannot_read(path.name, "the name of a cadence file ends in `.yaml`; this is none")
    files = {path.name: _read(path, path.name)}
    fields = read_yaml(path.name, files[path.name], Reporter())
    if fields is None:
        return files
    named = _Named.of(fields)
    reader = _FolderReader(path.parent, files)
    reader.read_templates(template_folders(named.cadence), named.templates)
    reader.read_partials(named.cadence)
    for table in named.tables:
        reader.read_text(table)
    reader.read_attachments(named.attachments)
    return reader.files


def cannot_read(file: str, message: str) -> CadenceError:
    """The error about a file as a whole."""
    return CadenceError([Problem(place=Place(file=file, line=1, column=1), message=message)])


@dataclass(kw_only=True)
class _Named:
    """What a cadence file names, whatever else is wrong with it."""

    cadence: str
    templates: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
    attachments: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, fields: Fields) -> "_Named":
        name = fields.text("cadence")
        known = name is not None and _CADENCE_NAME.fullmatch(name.value)
        named = cls(cadence=name.value if name and known else "unnamed")
        for below in fields.everywhere():
            template, table = below.text("email"), below.text("table")
            if template and _TEMPLATE_NAME.fullmatch(template.value):
                named.templates.add(template.value)
            if table and TABLE_NAME.fullmatch(table.value):
                named.tables.add(table.value)
            named.attachments.update(text.value for text in below.texts("attach") or ())
        return named


@dataclass
class _FolderReader:
    folder: Path
    files: dict[str, str]

    def read_templates(self, folders: Iterable[str], names: Iterable[str]) -> None:
        """Read all variants of these templates, each from the first folder that has any."""
        wanted = {*names}
        for folder in folders:
            found = set()
            for path in sorted(self._paths_in(folder)):
                name = path.removeprefix(f"{folder}/")
                file = template_file(name)
                if file is None:
                    _must_not_be_one_of(wanted, path, name)
                elif file.name in wanted:
                    found.add(file.name)
                    self.read_text(path)
            wanted -= found
        if len(self.files) > MAX_TEMPLATES:
            raise cannot_read(
                next(reversed(self.files)), f"a cadence has at most {MAX_TEMPLATES} templates"
            )

    def read_partials(self, cadence: str) -> None:
        """Read the partials that what is read so far names, and those that they name."""
        seen: set[str] = set()
        while (
            cited := {name for text in self.files.values() for name in cited_partials(text)} - seen
        ):
            seen |= cited
            self.read_templates(partial_folders(cadence), cited)

    def read_text(self, file: str) -> None:
        """Read one file if it is there."""
        if file not in self.files and (self.folder / file).is_file():
            self._must_be_inside(file)
            self.files[file] = _read(self.folder / file, file)
            if sum(map(len, self.files.values())) > MAX_TEXT_BYTES:
                most = MAX_TEXT_BYTES // 1024**2
                raise cannot_read(file, f"the texts of the cadence are larger than {most} MiB")

    def read_attachments(self, said: Iterable[str]) -> None:
        """Read every file that an `attach` can name."""
        patterns, left = [*said], MAX_ATTACHMENTS_BYTES
        if not patterns:
            return
        for file in sorted(self._paths_in(ATTACHMENT_FOLDER)):
            name = file.removeprefix(f"{ATTACHMENT_FOLDER}/")
            if not is_attachment_name(name) or not any(may_name(text, name) for text in patterns):
                continue
            self._must_be_inside(file)
            content = _read_bytes(self.folder / file, file, MAX_ATTACHMENT_BYTES)
            left -= len(content)
            if left < 0:
                most = MAX_ATTACHMENTS_BYTES // 1024**2
                raise cannot_read(
                    file, f"the attachments are larger than {most} MiB together; link to some"
                )
            self.files[file] = base64.b64encode(content).decode("ascii")

    def _paths_in(self, folder: str) -> Iterator[str]:
        """The files in a folder and the folders in it, named from the cadence's folder."""
        start = self.folder / folder
        if not start.is_dir():
            return
        for path in start.iterdir():
            if path.is_file():
                yield f"{folder}/{path.name}"
            elif path.is_dir():
                yield from (f"{folder}/{path.name}/{p.name}" for p in path.iterdir() if p.is_file())

    def _must_be_inside(self, file: str) -> None:
        if not (self.folder / file).resolve().is_relative_to(self.folder.resolve()):
            raise cannot_read(file, "it lies outside the cadence's folder; copy it there")


def _must_not_be_one_of(wanted: Iterable[str], path: str, name: str) -> None:
    """Raise CadenceError if a file looks like a variant of a wanted template but is none.

    Else whoever it was written for would get another one, and nobody would know.
    """
    if not name.endswith(".liquid") or name.partition(".")[0].lower() not in wanted:
        return
    meant = name_meant(name)
    mend = f"call it `{meant}`" if meant else "write `NAME.fr.liquid`, `NAME.@emea.liquid` or both"
    raise cannot_read(
        path,
        f"nobody would get this template: languages are written like `fr-CA`, "
        f"regions like `@emea`, in small letters with `-` for blanks; {mend}",
    )


def _read(path: Path, file: str) -> str:
    try:
        text = _read_bytes(path, file, MAX_FILE_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise cannot_read(file, "it is not UTF-8; save it with that encoding") from error
    return text.replace("\r\n", "\n")


def _read_bytes(path: Path, file: str, most: int) -> bytes:
    try:
        with path.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        raise cannot_read(file, f"it cannot be read: {error.strerror}") from error
    if len(content) > most:
        size = f"{most // 1024**2} MiB" if most >= 1024**2 else f"{most // 1024} KiB"
        raise cannot_read(file, f"it is larger than {size}")
    return content
