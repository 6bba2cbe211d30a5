"""What `cadenza simulate` prints: text, JSON, HTML, two versions, and errors that tell the mend."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.commands import command_line
from console.demo.make_prospects import as_csv, make_up
from console.simulate import simulate
from console.simulate.document import as_document
from console.simulate.page import as_page
from console.simulate.text import as_text, span, table
from tests.console.simulate.runs import ACCOUNTS, CADENCE, cadence_file, options


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The arguments of a small run."""
    prospects = tmp_path / "people.csv"
    prospects.write_text(as_csv(make_up(50, 7).rows), encoding="utf-8")
    cadence = cadence_file(tmp_path)
    return [
        "simulate", str(cadence), "--prospects", str(prospects), "--start", "2026-03-02",
        "--days", "20", "--seed", "3", "--accounts", str(ACCOUNTS),
    ]  # fmt: skip


def run(arguments: list[str]) -> tuple[int, str, str]:
    result = CliRunner().invoke(command_line(), arguments)
    return result.exit_code, result.stdout, result.stderr


def test_the_same_files_give_the_same_bytes_in_every_format(files: list[str]) -> None:
    for how in ("text", "json", "html"):
        first, again = run([*files, "--format", how]), run([*files, "--format", how])
        assert first == again
        assert first[0] == 0, first[2]
        assert first[1].endswith("\n")


def test_the_text_has_a_calendar_totals_ends_and_what_held_touches_up(files: list[str]) -> None:
    _, text, _ = run(files)
    assert re.match(r"short: 4\d of 50 rows enrolled \(.*\), 20 days from Mon 2026-03-02", text)
    assert re.search(r"^Tue 2026-03-03 +\d+ .*█", text, re.MULTILINE)
    assert re.search(r"^hello +email +4\d", text, re.MULTILINE)
    assert re.search(r"^no_response +\d+", text, re.MULTILINE)
    assert "all ended by 2026-03-" in text


def test_the_json_document_adds_up(files: list[str]) -> None:
    document = json.loads(run([*files, "--format", "json"])[1])
    assert document["enrolled"] == sum(document["ends"].values())
    assert document["touches"]["sent"] == sum(document["touches"]["by_channel"].values())
    assert document["touches"]["sent"] == sum(
        day[channel] for day in document["calendar"] for channel in ("email", "sms", "social")
    )
    assert document["tasks"] == sum(day["task"] for day in document["calendar"])
    assert document["finish"].startswith("2026-03-")


def test_the_page_fetches_nothing_and_escapes_what_it_shows(tmp_path: Path) -> None:
    document = as_document(simulate(options(tmp_path)))
    hostile = {**document, "cadence": "<script>alert(1)</script>",
               "limits": [{"account": "<b>", "rule": "\"'", "deferred": 1}]}  # fmt: skip
    page = as_page(hostile)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;" in page
    assert re.search(r"(?:src|href)=|@import|url\(", page) is None
    assert "prefers-color-scheme: dark" in page


def test_text_cannot_steer_a_terminal(tmp_path: Path) -> None:
    document = as_document(simulate(options(tmp_path)))
    hostile = {**document, "limits": [{"account": "a\x1b[2J", "rule": "r", "deferred": 1}]}
    assert "\x1b" not in as_text(hostile)


def test_two_versions_stand_side_by_side(files: list[str], tmp_path: Path) -> None:
    other = cadence_file(tmp_path / "other", CADENCE.replace("day: 6", "day: 8"))
    code, text, _ = run([*files, "--against", str(other)])
    assert code == 0
    assert "B: short (other)" in text
    assert re.search(r"^touches +\d+ +\d+", text, re.MULTILINE)
    both = json.loads(run([*files, "--against", str(other), "--format", "json"])[1])
    mine, theirs = (both[name]["touches"]["sent"] for name in ("this", "other"))
    assert both["differences"].get("touches", 0) == mine - theirs
    assert run([*files, "--against", str(other), "--format", "html"])[1].count("<table>") == 2


def test_a_cadence_against_itself_differs_in_nothing(files: list[str]) -> None:
    both = json.loads(run([*files, "--against", files[1], "--format", "json"])[1])
    assert both["differences"] == {}


@pytest.mark.parametrize(
    ("option", "name", "content", "told"),
    [
        ("--response", "r.yaml", "email: {opend: 1}", "email.opend is not known here"),
        ("--response", "r.yaml", "email: {opened: 3}", "email.opened: write a share from 0 to 1"),
        ("--response", "r.yaml", "tasks: {call: {connected: -1}}", "write a weight, 0 or more"),
        ("--prospects", "p.csv", "email\n", "there is no prospect in this file"),
        ("--accounts", "a.yaml", "accounts: []", "organisation: is missing: add it"),
        ("--accounts", "a.yaml", "{", "cannot be read as YAML"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_what_to_do(
    files: list[str], tmp_path: Path, option: str, name: str, content: str, told: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    code, _, errors = run([*files, option, str(path)])
    assert code == 1
    assert str(path) in errors.replace("\n", "")
    assert told in " ".join(errors.split())


def test_a_cadence_that_is_wrong_is_refused_with_its_line(files: list[str], tmp_path: Path) -> None:
    broken = cadence_file(tmp_path / "broken", CADENCE.replace("wait: 2 days", "wait: 2 dayz"))
    code, _, errors = run([files[0], str(broken), *files[2:]])
    assert code == 1
    assert re.search(r"short\.yaml:\d+:\d+", errors.replace("\n", ""))


def test_numbers_stand_right_and_words_left() -> None:
    assert table(["name", "n"], [["a", 1], ["long one", 1200]]) == (
        "name          n\n────────  ─────\na             1\nlong one  1,200"
    )


def test_spans_are_told_in_their_two_largest_units() -> None:
    assert [span(m) for m in (0, 59, 60, 125, 1440, 1500)] == [
        "0 min", "59 min", "1 h", "2 h 5 min", "1 d", "1 d 1 h",
    ]  # fmt: skip
