"""Segments: tables that sort people, such as countries into regions."""

import csv
import io
import re
from collections.abc import Container, Mapping, Sequence

from cadenza.language.cadence import Segment
from cadenza.language.fields import Fields
from cadenza.language.known_fields import parse_field
from cadenza.language.reporter import Reporter
from cadenza.language.source import Place, Text, did_you_mean

MOST_SEGMENTS = 20
MOST_ROWS = 10_000
MOST_COLUMNS = 50
LONGEST_CELL = 2_000

TABLE_NAME = re.compile(r"segments/[A-Za-z0-9][A-Za-z0-9_-]{0,100}\.csv")
"""Where tables lie, beside the cadence file."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def take_segments(cadence: Fields, files: Mapping[str, str]) -> Mapping[str, Segment]:
    """Read `segments` and their tables. What is wrong is reported."""
    fields = cadence.mapping("segments")
    if fields is None:
        return {}
    names = fields.names(_NAME, "write small letters, digits and `_`")
    if len(names) > MOST_SEGMENTS:
        cadence.problem("segments", f"a cadence has at most {MOST_SEGMENTS} segments")
    found = {}
    for name in names:
        said = fields.mapping(name)
        segment = _take_segment(said, files) if said else None
        if segment is not None:
            found[name] = segment
    return found


def _take_segment(said: Fields, files: Mapping[str, str]) -> Segment | None:
    said.missing("by", "say which field is looked up; add `by: prospect.country`")
    said.missing("table", "say where the table is; add `table: segments/regions.csv`")
    by, table = said.text("by"), said.text("table")
    said.done()
    if by and parse_field(by.value) is None:
        said.problem("by", f"`{by.value}` is no field; write for instance `prospect.country`")
        by = None
    rows = _table(table, files, said.reporter) if table else None
    return Segment(by=by.value, rows=rows) if by and rows is not None else None


def _table(
    table: Text, files: Mapping[str, str], reporter: Reporter
) -> Mapping[str, Mapping[str, str]] | None:
    if not TABLE_NAME.fullmatch(table.value):
        reporter.problem(
            table.place,
            f"`{table.value}` is no table; write for instance `segments/regions.csv`",
        )
        return None
    if table.value not in files:
        known = [name for name in files if TABLE_NAME.fullmatch(name)]
        reporter.problem(
            table.place,
            f"there is no table `{table.value}`{did_you_mean(table.value, known)}; "
            "put it beside the cadence file",
        )
        return None
    return read_table(table.value, files[table.value], reporter)


def read_table(
    file: str, source: str, reporter: Reporter
) -> Mapping[str, Mapping[str, str]] | None:
    """The rows of a table by their lower-cased keys; None after reporting what is wrong.

    The first column is the key, a column `name` names the row's segment,
    the others are fields.
    """
    reader = csv.reader(io.StringIO(source, newline=""), strict=True)
    before = len(reporter.problems)
    rows: dict[str, Mapping[str, str]] = {}
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if not _is_header(file, header, reporter):
            return None
        for cells in reader:
            if len(rows) >= MOST_ROWS:
                _problem(reporter, file, reader.line_num, f"a table has at most {MOST_ROWS} rows")
                return None
            if not any(cell.strip() for cell in cells):
                continue
            trouble = _trouble(header, cells, rows)
            if trouble:
                _problem(reporter, file, reader.line_num, trouble)
            else:
                rows[_key(cells)] = _row(header, cells)
    except csv.Error as error:
        _problem(reporter, file, max(1, reader.line_num), f"this is not valid CSV: {error}")
    return rows if len(reporter.problems) == before else None


def _is_header(file: str, header: Sequence[str], reporter: Reporter) -> bool:
    if "name" not in header[1:]:
        _problem(
            reporter, file, 1, "a table begins with a line such as `country,name`: the key, "
            "the name of the segment, and perhaps further fields",
        )  # fmt: skip
        return False
    wrong = next((cell for cell in header[1:] if not _NAME.fullmatch(cell)), None)
    if wrong is not None:
        _problem(
            reporter, file, 1,
            f"`{wrong}` is no name of a column; write small letters, digits and `_`",
        )  # fmt: skip
    elif len(header) > MOST_COLUMNS or len({*header}) < len(header):
        _problem(
            reporter, file, 1, f"a table has at most {MOST_COLUMNS} columns, each with its own name"
        )  # fmt: skip
    else:
        return True
    return False


def _trouble(header: Sequence[str], cells: Sequence[str], known: Container[str]) -> str | None:
    """What is wrong with a line; known: the keys so far."""
    if len(cells) != len(header):
        return f"this line has {len(cells)} values, not {len(header)}"
    if not cells[0].strip() or not cells[header.index("name")].strip():
        return "a line needs a key in its first column, and a `name`"
    if _key(cells) in known:
        return f"`{cells[0].strip()}` is said twice; keep one of the two"
    if any(len(cell) > LONGEST_CELL for cell in cells):
        return f"a value has at most {LONGEST_CELL} characters"
    return None


def _key(cells: Sequence[str]) -> str:
    return cells[0].strip().lower()


def _row(header: Sequence[str], cells: Sequence[str]) -> Mapping[str, str]:
    row = zip(header[1:], (cell.strip() for cell in cells[1:]), strict=True)
    return {name: cell for name, cell in row if cell}


def _problem(reporter: Reporter, file: str, line: int, message: str) -> None:
    reporter.problem(Place(file=file, line=line, column=1), message)
