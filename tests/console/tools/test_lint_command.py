"""`cadenza lint`, `cadenza draw` and `cadenza schema` at the command line."""

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

import cadences
from console.commands import command_line

SHIPPED = Path(cadences.__path__[0])
BROKEN = Path(__file__).parents[2] / "cadenza" / "authoring" / "lint" / "broken"
ERROR = BROKEN / "sms-consent.yaml"
ADVICE = BROKEN / "shrinking-gaps.yaml"


def cadenza(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments])


def test_errors_give_status_1_and_advice_0() -> None:
    assert cadenza("lint", ERROR).exit_code == 1
    assert cadenza("lint", ADVICE).exit_code == 0
    assert cadenza("lint", SHIPPED / "ten-touch.yaml").exit_code == 0


def test_strict_counts_advice_too() -> None:
    assert cadenza("lint", "--strict", ADVICE).exit_code == 1
    assert cadenza("lint", "--strict", SHIPPED / "ten-touch.yaml").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nowhere.yaml"],
        [ADVICE, "--accounts", "nowhere.yaml"],
        [ADVICE, "--prospects", "nowhere.csv"],
        [ADVICE, "--no-such-option"],
    ],
)
def test_wrong_usage_gives_status_2(arguments: list[str | Path]) -> None:
    assert cadenza("lint", *arguments).exit_code == 2


def test_findings_come_in_columns_with_counts() -> None:
    shown = cadenza("lint", ERROR, ADVICE).output
    assert "2 cadences: 1 error, 1 piece of advice" in shown
    [line] = [line for line in shown.splitlines() if "sms-consent" in line and "error" in line]
    assert line.split()[:2] == ["6:11", "error"]
    assert f"{ERROR}\n" in shown


def test_json_is_as_documented() -> None:
    done = cadenza("lint", "--json", ERROR, ADVICE)
    document = json.loads(done.stdout)
    assert done.exit_code == 1
    assert {name: document[name] for name in ("files", "errors", "advice")} == {
        "files": 2,
        "errors": 1,
        "advice": 1,
    }
    first = document["findings"][1]
    assert set(first) == {"file", "line", "column", "level", "rule", "message"}
    assert (first["file"], first["line"], first["rule"]) == (str(ERROR), 6, "sms-consent")


def test_prospects_make_missing_columns_an_error(tmp_path: Path) -> None:
    prospects = tmp_path / "people.csv"
    prospects.write_text("First name,Email\nZoë,zoe@example.com\n", encoding="utf-8")
    path = BROKEN / "missing-variable.yaml"
    assert cadenza("lint", path).exit_code == 0
    assert cadenza("lint", path, "--prospects", prospects).exit_code == 1
    prospects.write_text("First name,Forklifts\nZoë,3\n", encoding="utf-8")
    assert cadenza("lint", path, "--prospects", prospects).exit_code == 0


def test_accounts_are_checked_only_if_given() -> None:
    path = BROKEN / "missing-account.yaml"
    assert cadenza("lint", path).exit_code == 0
    assert cadenza("lint", path, "--accounts", BROKEN.parent / "accounts.yaml").exit_code == 1


def test_accounts_are_checked_without_their_secrets(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.yaml"
    document = YAML(typ="safe", pure=True).load(BROKEN.parent / "accounts.yaml")
    for account in document["accounts"]:
        account["secrets"] = {"password": {"file": "/run/secrets/of-another-machine"}}
    with accounts.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(document, file)
    done = cadenza("lint", BROKEN / "missing-account.yaml", "--accounts", accounts)
    assert done.exit_code == 1
    assert "missing-account" in done.stdout


def test_accounts_file_with_a_wrong_key_is_told(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.yaml"
    there = (BROKEN.parent / "accounts.yaml").read_text(encoding="utf-8")
    accounts.write_text(f"{there}\nacounts: []\n", encoding="utf-8")
    done = cadenza("lint", ADVICE, "--accounts", accounts)
    assert done.exit_code == 2
    assert f"{accounts}: acounts: is not known here" in done.stderr


# draw -----------------------------------------------------------------------------


def test_picture_goes_to_standard_output_or_a_file(tmp_path: Path) -> None:
    path = SHIPPED / "ten-touch.yaml"
    printed = cadenza("draw", path).stdout
    Xml.fromstring(printed)
    file = tmp_path / "pictures" / "ten.svg"
    assert cadenza("draw", path, "--out", file).exit_code == 0
    assert file.read_text(encoding="utf-8") == printed


def test_folder_of_cadences_is_drawn_into_a_folder(tmp_path: Path) -> None:
    assert cadenza("draw", SHIPPED).exit_code == 2
    assert cadenza("draw", SHIPPED, "--as", "calendar", "--out", tmp_path).exit_code == 0
    drawn = {file.stem for file in tmp_path.glob("*.svg")}
    assert drawn == {file.stem for file in SHIPPED.glob("*.yaml")}


def test_two_cadences_of_one_name_are_not_drawn_over_each_other(tmp_path: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text("cadence: x\nobjective: goal\nsteps: [{step: a, end: won}]\n")
    done = cadenza("draw", tmp_path, "--out", tmp_path / "pictures")
    assert done.exit_code == 1
    assert "two.yaml: `cadence: x` is also the name in another" in done.stderr


def test_links_between_cadences_are_one_picture() -> None:
    done = cadenza("draw", SHIPPED, "--all", "--format", "mermaid")
    assert done.exit_code == 0
    assert done.stdout.startswith("flowchart TD\n")
    assert "ten-touch" in done.stdout


def test_broken_cadence_is_not_drawn() -> None:
    done = cadenza("draw", BROKEN / "unknown-step.yaml")
    assert done.exit_code == 1
    assert "there is no step `lisen`" in done.output


def test_calendar_is_not_for_mermaid() -> None:
    assert cadenza("draw", ADVICE, "--as", "calendar", "--format", "mermaid").exit_code == 2


def test_hook_for_pre_commit_runs_this_command() -> None:
    text = (Path(__file__).parents[3] / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    [hook] = YAML(typ="safe", pure=True).load(text)
    assert hook["id"] == "cadenza-lint"
    program, *command = hook["entry"].split()
    assert program == "cadenza"
    assert cadenza(*command, *(str(SHIPPED) for _ in hook["args"])).exit_code == 0


# schema ---------------------------------------------------------------------------


def test_schema_is_printed() -> None:
    Draft202012Validator.check_schema(json.loads(cadenza("schema").stdout))
