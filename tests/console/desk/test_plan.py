"""`cadenza plan`: what would change, and who stands there."""

from pathlib import Path

from tests.console.desk.desk import MIXED, Desk


def written(folder: Path, change: tuple[str, str] = ("", "")) -> str:
    """The desk's cadence as files, with one change; gives the path of its folder."""
    for name, text in MIXED.items():
        file = folder / "cadences" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace(*change) if change[0] else text)
    return str(folder / "cadences")


async def test_what_runs_already_is_unchanged(desk: Desk) -> None:
    assert "mixed: unchanged (version 1)" in await desk.ok("plan", written(desk.folder))


async def test_a_change_of_comments_says_that_it_makes_a_version(desk: Desk) -> None:
    folder = written(desk.folder, ("steps:\n", "# see the wiki\nsteps:\n"))
    told = await desk.ok("plan", folder)
    assert "mixed: version 1 → 2\n  says the same; only how it is written changed" in told
    assert (await desk.json("plan", folder))[0]["becomes"] == 2
    assert await desk.ok("apply", folder) == "mixed: version 2\n"


async def test_a_changed_step_is_shown_with_who_stands_there(desk: Desk) -> None:
    await desk.line.enroll(2)
    told = await desk.ok("plan", written(desk.folder, ("day: 1\n", "day: 2\n")))
    assert "mixed: version 1 → 2" in told
    assert "step hello day: 1 → 2" in told
    assert "2 of version 1 stand here" in told
    assert "2 under way stay on their version" in told
    assert await desk.line.value("select count(*) from cadence_version") == 1, "nothing is stored"


async def test_a_new_cadence_is_new(desk: Desk) -> None:
    told = await desk.ok("plan", written(desk.folder, ("cadence: mixed", "cadence: other")))
    assert "other: new" in told


async def test_programs_get_the_same_as_json(desk: Desk) -> None:
    await desk.line.enroll(1)
    (found,) = await desk.json("plan", written(desk.folder, ("day: 9\n", "day: 8\n")))
    assert found["changes"] == [
        {"kind": "changed", "step": "again", "what": "day", "before": "9", "after": "8"}
    ]
    assert found["standing"] == [{"version": 1, "step": "hello", "enrollments": 1}]


async def test_a_file_that_cannot_be_applied_is_refused_with_its_mistakes(desk: Desk) -> None:
    told = await desk.refused("plan", written(desk.folder, ("day: 9\n", "dya: 9\n")))
    assert "mixed.yaml" in told
    assert "`dya`" in told
