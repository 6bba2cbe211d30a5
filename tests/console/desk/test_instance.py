"""`cadenza instance`: whose the database is, and taking it over."""

import shutil
from pathlib import Path

import pytest

from console.deployment import instance_name
from tests.console.desk.desk import Desk


async def test_a_database_that_another_instance_has_is_shown_and_can_be_claimed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CADENZA_INSTANCE", "test")
    await desk.line.execute("delete from instance")
    assert (await desk.json("instance", "show"))["claimed"] is None
    await desk.line.scheduler.make_pass()
    assert (await desk.json("instance", "show"))["closed"] is None
    assert "nothing to do" in await desk.ok("instance", "claim")

    monkeypatch.setenv("CADENZA_INSTANCE", "a copy")

    shown = await desk.json("instance", "show")
    assert shown["claimed"]["identity"]["name"] == "test"
    assert "this one is 'a copy'" in shown["closed"]
    assert "nothing is sent" in await desk.ok("status")
    assert (await desk.json("status"))["fence"] == shown["closed"]
    assert (await desk.cadenza("instance", "claim", answer="n\n")).exit_code == 1
    assert (await desk.json("instance", "show"))["claimed"]["identity"]["name"] == "test"

    assert "claimed" in await desk.ok("instance", "claim", answer="y\n")

    shown = await desk.json("instance", "show")
    assert (shown["closed"], shown["claimed"]["identity"]["name"]) == (None, "a copy")
    assert (await desk.json("status"))["fence"] is None


async def test_a_used_database_that_nobody_claimed_can_be_claimed(desk: Desk) -> None:
    await desk.line.enroll(1)
    await desk.line.execute("delete from instance")
    assert "first process" not in await desk.ok("instance", "show")
    shown = await desk.json("instance", "show")
    assert shown["claimed"] is None
    assert "holds enrollments or touches, and no claim" in shown["closed"]
    assert "claimed" in await desk.ok("instance", "claim", "--yes")
    assert (await desk.json("instance", "show"))["closed"] is None


def test_a_copied_data_folder_has_another_name(tmp_path: Path) -> None:
    data = tmp_path / "var"
    name = instance_name(data)
    shutil.copytree(data, tmp_path / "copy")
    data.rename(tmp_path / "moved")

    assert instance_name(tmp_path / "moved") == name
    assert instance_name(tmp_path / "copy") != name
    assert instance_name(tmp_path / "new") not in {name, instance_name(tmp_path / "copy")}
