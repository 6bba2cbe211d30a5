"""`cadenza do-not-contact`."""

import pytest

from cadenza.suppression.do_not_contact import read_entry
from tests.console.desk.desk import Desk

STANDS = """select p.email, e.status, e.outcome, e.reason from enrollment e
    join prospect p on p.id = e.prospect_id order by 1"""


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ada@Example.COM", "email:ada@example.com"),
        ("@Example.com", "domain:example.com"),
        ("example.com", "domain:example.com"),
        ("münchen.example.com", "domain:münchen.example.com"),
        ("+33 6 12 34 56 78", "phone:+33612345678"),
        ("https://www.linkedin.com/in/ada-l/", "social:ada-l"),
        ("id:4711", "prospect:id:4711"),
        ("prospect:email:ada@example.com", "prospect:email:ada@example.com"),
        ("phone:+33612345678", "phone:+33612345678"),
        ("social:ada-l", "social:ada-l"),
        ("marketing:Ada@Example.com", "marketing:email:ada@example.com"),
        ("marketing:domain:example.com", "marketing:domain:example.com"),
    ],
)
def test_entries_are_read_as_people_write_them(text: str, key: str) -> None:
    assert read_entry(text) == key
    assert read_entry(key) == key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must have 1 to"),
        ("x" * 501, "must have 1 to"),
        ("a\0b@example.com", "must have 1 to"),
        ("somebody", "is neither an address, a domain nor a number"),
        ("a@b@c", "is not an email address"),
        ("+33 12", "is not a possible phone number"),
        ("prospect:ada", "is not the key of a prospect"),
        ("a..b", "is not the name of a domain"),
    ],
)
def test_what_is_no_entry_says_why_without_repeating_it(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_entry(text)


async def test_entries_stop_those_whom_they_name(desk: Desk) -> None:
    await desk.line.enroll(3)
    await desk.line.enroll(1, key="other", email="x@other.example")
    told = await desk.ok("do-not-contact", "add", "p1@example.com", "other.example", "p9@b.example")
    assert told == "added 3   there already 0   enrollments stopped 2\n"
    assert await desk.line.rows(STANDS) == [
        ("p1@example.com", "finished", "opted_out", "do-not-contact list"),
        ("p2@example.com", "active", None, None),
        ("p3@example.com", "active", None, None),
        ("x@other.example", "finished", "opted_out", "do-not-contact list"),
    ]
    again = await desk.json("do-not-contact", "add", "p1@example.com")
    assert again == {"added": 0, "known": 1, "stopped": 0}
    await desk.line.run(days=30)
    recipients = {touch.recipient for touch in desk.line.world.sent}
    assert recipients == {"p2@example.com", "p3@example.com"}


async def test_a_list_is_imported_in_chunks_and_its_bad_lines_are_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cadenza.suppression.do_not_contact.CHUNK", 2)
    await desk.line.enroll(4)
    lines = ["# people", "p1@example.com", "", "nonsense", "p2@example.com", "p2@example.com",
             "other.example", "+33612345678", "p4@example.com"]  # fmt: skip
    path = desk.write("list.txt", "\n".join(lines))
    done = await desk.json("do-not-contact", "import", path, "--reason", "old CRM")
    assert (done["added"], done["known"], done["stopped"]) == (5, 0, 3)
    assert [line["line"] for line in done["bad_lines"]] == [4]
    assert {e["reason"] for e in await desk.json("do-not-contact", "list")} == {"old CRM"}
    told = await desk.ok("do-not-contact", "import", path)
    assert "is neither an address" in told
    assert told.endswith("added 0   there already 5   enrollments stopped 0\n")


async def test_columns_of_a_csv_file_are_known_by_their_titles(desk: Desk) -> None:
    text = "Name;E-Mail;ID;Domain\nAda;ada@example.com;7;\nBo;;;acme.example\nCy;wrong;8;\n"
    path = desk.write("list.csv", text)
    done = await desk.json("do-not-contact", "import", path)
    assert (done["added"], len(done["bad_lines"])) == (4, 1)
    keys = [entry["key"] for entry in await desk.json("do-not-contact", "list")]
    assert keys == [
        "domain:acme.example",
        "email:ada@example.com",
        "prospect:id:7",
        "prospect:id:8",
    ]


async def test_the_list_is_searched(desk: Desk) -> None:
    assert await desk.ok("do-not-contact", "list") == "nothing is on the list\n"
    await desk.ok("do-not-contact", "add", "a@x.example", "b@x.example", "c@y.example")
    found = await desk.json("do-not-contact", "list", "--containing", "x.example")
    assert [entry["key"] for entry in found] == ["email:a@x.example", "email:b@x.example"]
    assert "see --limit" in await desk.ok("do-not-contact", "list", "--limit", "2")


async def test_a_check_sees_people_addresses_and_domains(desk: Desk) -> None:
    await desk.line.enroll(1, id="7", phone="+33612345678")
    await desk.ok("do-not-contact", "add", "+33612345678", "acme.example")
    assert "phone:+33612345678 since" in await desk.ok("do-not-contact", "check", "7")
    assert "domain:acme.example" in await desk.ok("do-not-contact", "check", "bo@acme.example")
    result = await desk.cadenza("do-not-contact", "check", "bo@acme.example", "cy@else.example")
    assert result.exit_code == 1
    assert "cy@else.example: not on the list" in result.stdout
    told = await desk.refused("do-not-contact", "check", "somebody")
    assert "is neither an address" in told


async def test_a_wrong_entry_at_the_command_line_is_refused(desk: Desk) -> None:
    told = await desk.refused("do-not-contact", "add", "ada@example.com", "nonsense")
    assert told.startswith("error: 'nonsense' is neither an address")
    assert await desk.line.value("select count(*) from suppression") == 0


async def test_a_list_that_is_not_there_is_refused(desk: Desk) -> None:
    assert "cannot read the file" in await desk.refused("do-not-contact", "import", "/no/list.txt")


async def test_entries_of_marketing_alone_end_sales_and_are_told_apart(desk: Desk) -> None:
    await desk.line.enroll(2)
    path = desk.write("list.txt", "p1@example.com\nmarketing:p9@example.com\n")
    done = await desk.json("do-not-contact", "import", path, "--marketing-only")
    assert (done["added"], done["known"], done["stopped"]) == (2, 0, 1)
    await desk.ok("do-not-contact", "add", "p1@example.com")
    found = await desk.json("do-not-contact", "list")
    assert [(entry["key"], entry["forbids"]) for entry in found] == [
        ("email:p1@example.com", "everything"),
        ("marketing:email:p1@example.com", "marketing"),
        ("marketing:email:p9@example.com", "marketing"),
    ]
    assert "marketing:email:p9" in await desk.ok("do-not-contact", "check", "p9@example.com")


async def test_a_list_that_was_written_out_is_read_back(desk: Desk) -> None:
    await desk.ok("do-not-contact", "add", "a@x.example", "+33612345678", "id:7")
    await desk.ok("do-not-contact", "add", "--marketing-only", "x.example")
    keys = [entry["key"] for entry in await desk.json("do-not-contact", "list")]
    assert len(keys) == 4
    await desk.line.execute("delete from suppression")
    await desk.ok("do-not-contact", "import", desk.write("list.txt", "\n".join(keys)))
    assert [entry["key"] for entry in await desk.json("do-not-contact", "list")] == keys


async def test_an_entry_is_removed_and_an_opt_out_left_unless_it_is_said(desk: Desk) -> None:
    await desk.ok("do-not-contact", "add", "a@x.example", "b@x.example")
    await desk.ok("do-not-contact", "add", "--marketing-only", "a@x.example")
    told = await desk.ok("do-not-contact", "remove", "a@x.example", "c@x.example")
    assert told.startswith("removed 1\nstill there: marketing:email:a@x.example")
    done = await desk.json("do-not-contact", "remove", "--marketing-only", "a@x.example")
    assert done == {"removed": 1, "left": []}
    keys = [entry["key"] for entry in await desk.json("do-not-contact", "list")]
    assert keys == ["email:b@x.example"]
