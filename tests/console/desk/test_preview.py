"""`cadenza preview` and `research-check` of what is applied and stored."""

from tests.console.desk.desk import Desk


async def test_an_applied_cadence_is_shown_for_a_stored_prospect(desk: Desk) -> None:
    await desk.line.enroll()
    shown = await desk.json("preview", "mixed", "--prospect", "p1@example.com", "--json")
    assert [one["step"] for one in shown] == ["hello", "first-call", "again"]
    assert shown[0]["text"].startswith("Subject: Hello Zoé\n")
    assert "1 Quay Street" in shown[0]["text"]


async def test_who_is_not_known_is_told(desk: Desk) -> None:
    told = await desk.refused("preview", "mixed", "--prospect", "nobody@example.com")
    assert "there is no prospect" in told
    told = await desk.refused("preview", "nothing", "--prospect", "nobody@example.com")
    assert "there is no cadence 'nothing'" in told


async def test_research_for_an_applied_cadence(desk: Desk) -> None:
    people = desk.write("people.csv", "email,first name,country\na@b.example,,FR\n")
    told = await desk.cadenza("research-check", "mixed", "--prospects", people)
    assert told.exit_code == 1
    assert "prospect.first_name (hello, first-call)" in told.stdout
