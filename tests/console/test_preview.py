"""`cadenza preview` and `cadenza research-check`, from files alone and against a deployment."""

import asyncio
import json
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cadenza.language.attachments import decoded, encoded
from console.commands import command_line
from sandbox.main import Sandbox
from sandbox.settings import SandboxSettings

SOURCES = {
    "claim.yaml": """
cadence: claim
objective: goal
locale: en
from: {email: outreach}
segments:
  region: {by: prospect.country, table: segments/region.csv}
experiments:
  tone: {plain: 1, warm: 1}
steps:
  - step: intro
    email: intro
    attach: "{{ subject.kind }}.pdf"
    day: 1
  - step: follow-up
    email: follow
    thread: reply
    after: 2 days
  - step: text
    sms: {en: "Hi {{ prospect.first_name }}", fr: "Salut {{ prospect.first_name }}"}
    variants:
      tone:
        plain: {}
        warm: {sms: "Dear {{ prospect.first_name }}"}
  - step: connect
    social: connect
    text: "Hello {{ prospect.title | default: 'there' }}"
  - step: vendor
    email: vendor
    to: vendor
  - step: ring
    task: call
    title: "Call {{ prospect.first_name }} at {{ prospect.case }}"
    script: "About {{ subject.id }}"
    checklist: [{item: "Note the date", mandatory: yes}]
    wait: 1 day
  - step: tell
    webhook: claim.told
    fields: {mail: "{{ prospect.email }}"}
  - step: done
    end: no_response
""",
    "segments/region.csv": "country,name,case\nFR,EMEA,Metro\nUS,Americas,\n",
    "templates/claim/intro.liquid": (
        '---\nsubject: "Claim {{ subject.id }}"\n---\n'
        "Dear {{ prospect.first_name }}, see [this](https://x.example/p).\n"
    ),
    "templates/claim/intro.fr.liquid": '---\nsubject: "Dossier"\n---\nBonjour.\n',
    "templates/claim/follow.liquid": "---\n---\nAgain, {{ prospect.title }}.\n",
    "templates/claim/follow.fr.liquid": "---\n---\nEncore.\n",
    "templates/claim/vendor.liquid": '---\nsubject: "News?"\n---\nDear {{ party.name }}.\n',
    "attachments/claim.pdf": encoded(b"%PDF"),
}
HEADER = (
    "id,Email,First name,Title,Country,Time zone,Language,Phone,LinkedIn,"
    "subject.id,subject.kind,party.vendor.email,party.vendor.name"
)
ROWS = f"""{HEADER}
1,zoe@example.com,Zoë,,FR,,fr-CA,+33600000001,zoe,C-1,claim,desk@hub.example,Hub
2,bo@example.com,Bo,,US,America/New_York,,,,C-2,claim,,
3,nowhere,Al,CEO,FR,,,,,C-3,claim,,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.startswith("attachments/"):
            path.write_bytes(decoded(text))
        else:
            path.write_text(text)
    (tmp_path / "people.csv").write_text(ROWS)
    return tmp_path


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No database and no settings: files alone are enough."""
    monkeypatch.setenv("CADENZA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")


def cadenza(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments])


def previewed(folder: Path, row: int) -> dict[str, dict[str, Any]]:
    told = cadenza(
        "preview",
        folder / "claim.yaml",
        "--csv",
        folder / "people.csv",
        "--row",
        str(row),
        "--json",
    )
    assert told.exit_code == 0, told.output
    return {one["step"]: one for one in json.loads(told.stdout)}


# Preview -------------------------------------------------------------------


def test_every_touch_is_shown_as_this_prospect_would_get_it(folder: Path) -> None:
    shown = previewed(folder, 2)
    assert shown["intro"]["text_variant"] == "fr"
    assert shown["intro"]["text"].startswith("Subject: Dossier\nAttached: claim.pdf (4 octets)\n")
    assert shown["follow-up"]["text"].startswith("Subject: Re: Dossier\n\nEncore.")
    assert shown["connect"]["text"] == "linkedin: connect\nHello there\n"
    assert shown["vendor"]["to"] == "Hub <desk@hub.example> (vendor)"
    assert "Dear Hub." in shown["vendor"]["text"]
    assert shown["ring"]["text"].startswith("Call Zoë at Metro\n\nAbout C-1\n")
    assert "[ ] Note the date (must)" in shown["ring"]["text"]
    told = json.loads(shown["tell"]["text"])
    assert (told["event"], told["fields"]) == ("claim.told", {"mail": "zoe@example.com"})
    assert [shown[step]["timing"] for step in ("intro", "follow-up")] == ["day 1", "after 2 days"]


def test_all_variants_of_an_experiment_are_shown_and_marked(folder: Path) -> None:
    marked = {name: one["text"] for name, one in previewed(folder, 2).items() if one["variant_of"]}
    assert set(marked.values()) == {"Salut Zoë\n", "Dear Zoë\n"}
    assert {one["variant_of"] for one in previewed(folder, 2).values()} == {None, "text"}


def test_what_is_held_or_passed_over_says_why(folder: Path) -> None:
    shown = previewed(folder, 3)
    assert shown["follow-up"]["reason"].startswith("held: prospect.title has no value")
    assert shown["connect"]["reason"] == "passed over: the prospect has no address for social"
    assert shown["vendor"]["reason"] == ("passed over: the party `vendor` has no address for email")
    assert shown["ring"]["reason"].startswith("held: prospect.case has no value")


def test_the_terminal_shows_the_same(folder: Path) -> None:
    told = cadenza("preview", folder / "claim.yaml", "--csv", folder / "people.csv")
    assert told.exit_code == 0
    assert "1. intro (email, day 1, text fr)" in told.stdout
    assert "To: Zoë <zoe@example.com>" in told.stdout
    assert "https://go" not in told.stdout


def test_files_are_written_for_each_touch(folder: Path) -> None:
    out = folder / "out"
    told = cadenza(
        "preview", folder / "claim.yaml", "--csv", folder / "people.csv", "--row", "2", "--out", out
    )
    assert told.exit_code == 0, told.output
    names = {path.name for path in out.iterdir()}
    assert {"01-intro.eml", "01-intro.html", "01-intro.txt"} <= names
    assert any(name.endswith("-tell.json") for name in names)
    mail = message_from_bytes((out / "01-intro.eml").read_bytes(), policy=default)
    assert isinstance(mail, EmailMessage)
    assert mail["To"] == "Zoë <zoe@example.com>"
    assert [part.get_filename() for part in mail.iter_attachments()] == ["claim.pdf"]


ACCOUNTS = """
organisation: {{name: Northwind, postal_address: 1 Quay Street}}
owners: [{{id: anna, name: Anna, email: anna@reps.example, signature: "Anna, Northwind"}}]
accounts:
  - id: mail
    channel: email
    provider: smtp
    address: anna@send.example
    group: outreach
    settings: {{host: 127.0.0.1, port: {port}, tls: none, username: anna}}
    secrets: {{password: {{env: TEST_PREVIEW_PASSWORD}}}}
"""


async def test_previews_are_mailed_to_the_team(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_PREVIEW_PASSWORD", "made-up")
    smtp = {"rep_domains": ["team.example"], "accounts": {"anna": "made-up"}}
    settings = {"var_dir": str(folder / "var"), "smtp": smtp}
    sandbox = Sandbox(SandboxSettings.model_validate(settings))
    await sandbox.start()
    file = folder / "accounts.yaml"
    write(file, ACCOUNTS.format(port=sandbox.ports["smtp"]))
    try:
        told = await in_thread(
            "preview", folder / "claim.yaml", "--csv", folder / "people.csv", "--row", "2",
            "--send-to", "desk@team.example", "--accounts", file,
        )  # fmt: skip
    finally:
        await sandbox.close()
    assert told.exit_code == 0, told.output
    rows = [row.document() for row in sandbox.ledger.after(0, 50)]
    assert {row["to"] for row in rows} == {"desk@team.example"}
    subjects = [mail["Subject"] for mail in mails(folder / "var")]
    assert subjects[0] == "[1. intro (email, day 1, text fr)] Dossier"
    assert len(subjects) == len(await asyncio.to_thread(previewed, folder, 2))
    first = mails(folder / "var")[0]
    assert first["List-Unsubscribe"] is None
    assert "Anna, Northwind" in str(first.get_body(("plain",)))


def write(path: Path, text: str) -> None:
    path.write_text(text)


def mails(folder: Path) -> list[EmailMessage]:
    files = sorted(folder.rglob("new/*"))
    return [message_from_bytes(path.read_bytes(), policy=default) for path in files]


async def in_thread(*arguments: str | Path) -> Result:
    return await asyncio.to_thread(cadenza, *arguments)


def test_no_secret_is_needed_where_nothing_is_sent(folder: Path) -> None:
    write(folder / "accounts.yaml", ACCOUNTS.format(port=25))
    told = cadenza(
        "preview", folder / "claim.yaml", "--csv", folder / "people.csv",
        "--accounts", folder / "accounts.yaml",
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    assert "Anna, Northwind" in told.stdout
    assert "held: the accounts file has no sms account in group `default`" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--csv", "people.csv", "--row", "9"), "there is no row 9; the file has rows 2 to 4"),
        (("--csv", "people.csv", "--row", "4"), "row 4: email is not an email address"),
        (("--csv", "people.csv", "--send-to", "a@b.example"), "--send-to needs --accounts"),
        (("--csv", "nothing.csv"), "cannot read the file"),
        ((), "give either --prospect or --csv"),
    ],
)
def test_what_cannot_be_previewed_is_refused_with_the_mend(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(folder)
    answer = cadenza("preview", "claim.yaml", *arguments)
    assert answer.exit_code in (1, 2)
    assert told in " ".join(answer.output.split())


# Research ------------------------------------------------------------------


def test_what_each_prospect_lacks_is_told_row_by_row(folder: Path) -> None:
    told = cadenza(
        "research-check", folder / "claim.yaml", "--prospects", folder / "people.csv", "--json"
    )
    assert told.exit_code == 1
    document = json.loads(told.stdout)
    assert (document["rows"], document["lacking"]) == (3, 2)
    second, third = document["prospects"]
    assert second["row"] == 3
    lacks = {lack["what"]: lack["touches"] for lack in second["lacks"]}
    texts = lacks.pop("phone")
    assert texts
    assert all(step.startswith("text") for step in texts)
    assert lacks == {
        "prospect.title": ["follow-up"],
        "linkedin": ["connect"],
        "party.vendor": ["vendor"],
        "prospect.case": ["ring"],
    }
    assert third["lacks"][0]["told"] == "email is not an email address"
    assert document["fields"]["prospect.title"] == 1


def test_a_table_for_people_says_the_same(folder: Path) -> None:
    told = cadenza("research-check", folder / "claim.yaml", "--prospects", folder / "people.csv")
    assert told.exit_code == 1
    assert "2 of 3 prospects lack something" in told.stdout
    assert "prospect.title (follow-up)" in told.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("email,country\n", "there is no prospect in this file"),
        ("email,email\n1,2\n", "two columns are called"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_with_the_reason(
    folder: Path, text: str, told: str
) -> None:
    people = folder / "people.csv"
    people.write_text(text)
    done = cadenza("research-check", folder / "claim.yaml", "--prospects", people)
    assert done.exit_code == 1
    assert told in done.stderr


def test_nothing_lacks_is_status_zero(folder: Path) -> None:
    lines = ROWS.splitlines()
    (folder / "people.csv").write_text("\n".join(lines[:2]) + "\n")
    told = cadenza("research-check", folder / "claim.yaml", "--prospects", folder / "people.csv")
    assert told.exit_code == 0, told.output
    assert "All 1 prospects have what the touches need." in told.stdout


def test_an_owner_who_is_in_no_file_lacks_only_where_one_is_given(folder: Path) -> None:
    people = folder / "people.csv"
    header, row, *_ = ROWS.splitlines()
    people.write_text(f"{header},Owner\n{row},nobody\n")
    assert cadenza("research-check", folder / "claim.yaml", "--prospects", people).exit_code == 0
    write(folder / "accounts.yaml", ACCOUNTS.format(port=25))
    told = cadenza(
        "research-check", folder / "claim.yaml", "--prospects", people,
        "--accounts", folder / "accounts.yaml",
    )  # fmt: skip
    assert told.exit_code == 1
    assert "owner is not an owner in the accounts file" in told.stdout
