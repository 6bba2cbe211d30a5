"""CSV files as they come: encodings, delimiters, titles."""

import pytest

from cadenza.errors import ConfigurationError
from console.enroll.columns import WrongMapping, map_columns, read_mapping
from console.enroll.csv_text import UnreadableTable, read_table
from console.enroll.messages import split
from console.enroll.table import FileRow, read_rows, rows_of

TEXT = "E-mail;Prénom;Nom;Société\nzoe@example.com;Zoë;Müller;Gâteaux & Fils\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_found_out(encoding: str) -> None:
    table = read_table(TEXT.encode(encoding))
    assert table.encoding == encoding
    assert table.header == ["E-mail", "Prénom", "Nom", "Société"]
    assert table.records[0].cells == ["zoe@example.com", "Zoë", "Müller", "Gâteaux & Fils"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(delimiter: str) -> None:
    lines = [["email", "note"], ["a@example.com", "x, y; z | w"], ["b@example.com", "one, two"]]
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in line) for line in lines)
    table = read_table(text.encode())
    assert table.delimiter == delimiter
    assert [record.cells[1] for record in table.records] == ["x, y; z | w", "one, two"]


def test_commas_inside_cells_do_not_hide_a_semicolon() -> None:
    table = read_table(b"name;address\nAda;1, Rue X, Paris\nBo;2, Rue Y, Lyon\n")
    assert table.delimiter == ";"


def test_rows_are_counted_as_a_spreadsheet_does() -> None:
    table = read_table(b'email,note\na@example.com,"two\nlines"\n,\n\nb@example.com,x\n')
    assert [record.number for record in table.records] == [2, 5]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\x81\x8d", "neither UTF-8 nor Windows-1252"),
        (b"\xff\xfea", "neither UTF-8 nor Windows-1252"),
        (b"a,b\n" + b"x" * 1_000_001, "not a CSV file: row 2: a cell has more than 1,000,000"),
    ],
)
def test_what_is_no_table_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(UnreadableTable, match=reason):
        read_table(raw)


def test_titles_tell_what_their_columns_are() -> None:
    header = [
        "E-Mail-Adresse",
        "Vorname",
        "NACHNAME",
        "Téléphone portable",
        "Land",
        "Deal size (€)",
    ]
    columns = map_columns(header, {})
    assert [(column.member, column.how) for column in columns] == [
        ("email", "guessed"),
        ("first_name", "guessed"),
        ("last_name", "guessed"),
        ("phone", "guessed"),
        ("country", "guessed"),
        ("deal_size", "field"),
    ]


def test_what_was_said_goes_before_what_titles_tell() -> None:
    columns = map_columns(["Email", "Private mail", "", "2nd"], {"email": "Private mail"})
    assert [(column.title, column.member, column.how) for column in columns] == [
        ("Email", "email_2", "field"),
        ("Private mail", "email", "said"),
        ("2nd", "column_2nd", "field"),
    ]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (["email"], "write --map MEMBER=COLUMN"),
        (["E Mail=Mail"], "is no name"),
        (["email=Mail", "email=Other"], "names email twice"),
        (["email=Mial"], r"no column 'Mial' \(did you mean 'Mail'\?\); it has: Mail, Other"),
        (["email=Mail", "id=Mail"], "uses the column 'Mail' twice"),
    ],
)
def test_a_wrong_mapping_says_what_to_write(said: list[str], reason: str) -> None:
    with pytest.raises(WrongMapping, match=reason):
        map_columns(["Mail", "Other"], read_mapping(said))


def test_two_columns_of_one_title_are_refused() -> None:
    with pytest.raises(WrongMapping, match="two columns are called 'Mail'"):
        map_columns(["Mail", "Mail"], {})


def test_rows_that_do_not_fit_the_header_are_told() -> None:
    table = read_table(b"email,title\na@example.com,CEO\nb@example.com,CTO,Acme\nc@example.com\n")
    good, wrong = rows_of(table, map_columns(table.header, {}))
    assert [(row.number, dict(row.prospect)) for row in good] == [
        (2, {"email": "a@example.com", "title": "CEO"}),
        (4, {"email": "c@example.com"}),
    ]
    assert [(row.number, row.reason) for row in wrong] == [
        (3, "has 3 cells, the header 2: put quotes around cells that hold ','")
    ]


def rows(count: int, note: str = "") -> list[FileRow]:
    return [FileRow(number=n, prospect={"id": str(n), "note": note}) for n in range(2, count + 2)]


def test_the_same_content_has_the_same_keys_and_other_content_others() -> None:
    def keys(count: int, cadence: str = "c", size: int = 2) -> list[str]:
        parts = split(rows(count), cadence=cadence, size=size, key=None)
        return [part.message.key for part in parts]

    assert keys(5) == keys(5)
    assert len(keys(5)) == 3
    others = [keys(4), keys(5, cadence="d"), keys(5, size=3)]
    assert all(set(keys(5)).isdisjoint(other) for other in others)


def test_a_given_key_names_the_parts() -> None:
    parts = split(rows(3), cadence="c", size=2, key="autumn")
    assert [part.message.key for part in parts] == ["autumn-1", "autumn-2"]
    assert [list(part.numbers) for part in parts] == [[2, 3], [4]]


def test_long_rows_make_more_messages() -> None:
    parts = split(rows(30, note="é" * 200_000), cadence="c", size=1000, key=None)
    assert len(parts) > 2
    assert sum(len(part.numbers) for part in parts) == 30


def test_a_file_is_read_by_its_titles_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("csv") / "people.csv"
    path.write_bytes(TEXT.encode("cp1252"))
    assert read_rows(path) == [
        {
            "email": "zoe@example.com",
            "first_name": "Zoë",
            "last_name": "Müller",
            "company": "Gâteaux & Fils",
        }
    ]
    with pytest.raises(ConfigurationError, match=r"nobody\.csv: cannot read the file"):
        read_rows(path.with_name("nobody.csv"))
