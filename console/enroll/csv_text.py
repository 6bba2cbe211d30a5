"""Reads a CSV file as spreadsheets of all lands write it: encoding and delimiter are found out."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from cadenza.errors import CadenzaError

MOST_BYTES = 256 * 1024 * 1024
_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50
_SAMPLE_CHARACTERS = 200_000
_LONGEST_CELL = 1_000_000


class UnreadableTable(CadenzaError):
    """The file is no table that can be read; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One row. number: as a spreadsheet counts, from 1, the header and empty rows included."""

    number: int
    cells: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file's rows below its header, empty ones left out."""

    header: Sequence[str]
    records: Sequence[Record]
    encoding: str
    delimiter: str


def read_table(raw: bytes) -> Table:
    """Read a CSV file. Raises UnreadableTable."""
    if len(raw) > MOST_BYTES:
        raise UnreadableTable(f"larger than {MOST_BYTES // 1024**2} MiB: split it")
    text, encoding = _decoded(raw)
    delimiter = _delimiter(text)
    previous = csv.field_size_limit(_LONGEST_CELL)
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UnreadableTable(f"not a CSV file: row {len(rows) + 1}: {_told(error)}") from error
    finally:
        csv.field_size_limit(previous)
    records = [
        Record(number=number, cells=row)
        for number, row in enumerate(rows, start=1)
        if any(cell.strip() for cell in row)
    ]
    if not records:
        raise UnreadableTable("the file is empty; its first row names the columns")
    return Table(
        header=[title.strip() for title in records[0].cells],
        records=records[1:],
        encoding=encoding,
        delimiter=delimiter,
    )


def _told(error: csv.Error) -> str:
    """What went wrong, and most likely why."""
    if "field limit" in str(error):
        most = f"{_LONGEST_CELL:,}"
        return f'a cell has more than {most} characters; does a closing quote (") lack above?'
    return str(error)


def _decoded(raw: bytes) -> tuple[str, str]:
    """The text and its encoding: by its mark, else UTF-8, else what Windows calls ANSI."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates = ["utf-16"]
    elif raw.startswith(b"\xef\xbb\xbf"):
        candidates = ["utf-8-sig"]
    else:
        candidates = ["utf-8", "cp1252"]
    for encoding in candidates:
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise UnreadableTable("neither UTF-8 nor Windows-1252: save the file as “CSV UTF-8”")


def _delimiter(text: str) -> str:
    """The one that cuts most of the first lines into as many cells as the header."""
    # The last line of the sample may be cut, so it is left out of a long text.
    lines = io.StringIO(text[:_SAMPLE_CHARACTERS], newline="").readlines()
    if len(text) > _SAMPLE_CHARACTERS:
        lines = lines[:-1] or lines
    return max(_DELIMITERS, key=lambda delimiter: _fitness(lines, delimiter))


def _fitness(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            rows.append(row)
            if len(rows) > _SAMPLE_LINES:
                break
    except csv.Error:
        return (0.0, 0)
    if not rows or len(rows[0]) < 2:
        return (0.0, 0)
    below = [row for row in rows[1:] if row]
    fitting = sum(len(row) == len(rows[0]) for row in below)
    return (fitting / len(below) if below else 1.0, len(rows[0]))
