"""A CSV file as rows for enrollment: members and values, with the row of the file that each is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cadenza.errors import ConfigurationError
from console.enroll.columns import Column, map_columns
from console.enroll.csv_text import MOST_BYTES, Table, UnreadableTable, read_table

_MOST_ROW_CHARACTERS = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """A row of the file as it is sent. number: its row in the file."""

    number: int
    prospect: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class WrongRow:
    """A row that is not sent, and why."""

    number: int
    reason: str


def read_file(path: Path) -> Table:
    """Read a CSV file. Raises ConfigurationError or UnreadableTable, which name it."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot read the file: {error.strerror}") from error
    try:
        return read_table(raw)
    except UnreadableTable as error:
        raise UnreadableTable(f"{path}: {error}") from error


def read_rows(path: Path) -> Sequence[Mapping[str, str]]:
    """The prospects of a file whose column titles tell what they are.

    Rows that do not fit the header are left out. Raises as `read_file` does, and WrongMapping.
    """
    table = read_file(path)
    good, _ = rows_of(table, map_columns(table.header, {}))
    return [row.prospect for row in good]


def rows_of(
    table: Table, columns: Sequence[Column]
) -> tuple[Sequence[FileRow], Sequence[WrongRow]]:
    """The file's rows as members and values, empty cells left out, and those that do not fit."""
    good: list[FileRow] = []
    wrong: list[WrongRow] = []
    width = len(table.header)
    for record in table.records:
        cells = [cell.strip() for cell in record.cells]
        if any(cells[width:]):
            reason = (
                f"has {len(cells)} cells, the header {width}: "
                f"put quotes around cells that hold {table.delimiter!r}"
            )
            wrong.append(WrongRow(number=record.number, reason=reason))
            continue
        prospect = {
            column.member: cells[column.index]
            for column in columns
            if column.index < len(cells) and cells[column.index]
        }
        if sum(map(len, prospect.values())) > _MOST_ROW_CHARACTERS:
            wrong.append(WrongRow(number=record.number, reason="is far too long for one prospect"))
            continue
        good.append(FileRow(number=record.number, prospect=prospect))
    return good, wrong
