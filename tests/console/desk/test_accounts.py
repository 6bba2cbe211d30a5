"""Sender accounts at the command line and over HTTP: they rest, go on, and have room."""

from datetime import timedelta

import httpx

from tests.console.desk.desk import Desk
from tests.console.desk.test_api import api, get, hints, problem  # noqa: F401 - fixtures


async def test_an_account_rests_and_goes_on_at_the_command_line(desk: Desk) -> None:
    await desk.line.enroll(6)
    said = await desk.ok("accounts", "pause", "mail-0", "--reason", "new password [soon]")
    assert "mail-0 rests: new password [soon]" in said
    lines = {line["id"]: line for line in await desk.json("accounts", "list")}
    assert (lines["mail-0"]["state"], lines["mail-0"]["reason"]) == (
        "paused",
        "new password [soon]",
    )
    assert (lines["mail-1"]["state"], lines["mail-1"]["cap"]) == ("active", 50)
    assert "new password" in await desk.ok("accounts", "list")
    theirs = await desk.line.value("select count(*) from due where account = 'mail-0'")
    await desk.line.run(days=1)
    assert len(desk.line.world.sent) == 6 - theirs
    assert f"{theirs} touches waited" in await desk.ok("accounts", "resume", "mail-0")
    await desk.line.run(days=2)
    assert len(desk.line.world.sent) == 6
    assert await desk.json("audit") == {**await desk.json("audit"), "unclear": 0}


async def test_what_cannot_rest_is_refused(desk: Desk) -> None:
    assert "there is no account 'mail-9'" in await desk.refused("accounts", "pause", "mail-9")
    assert "does not rest" in await desk.refused("accounts", "resume", "mail-0")
    await desk.ok("accounts", "pause", "mail-0")
    assert "rests already" in await desk.refused("accounts", "pause", "mail-0")
    assert "is retired" in await desk.ok("accounts", "pause", "mail-0", "--for-good")


async def test_an_account_rests_and_goes_on_over_http(
    desk: Desk,
    api: httpx.AsyncClient,  # noqa: F811
) -> None:
    answer = await api.post("/api/accounts/mail-1/pause", json={"reason": "odd"})
    assert answer.status_code == 200
    assert answer.json()["state"] == "paused"
    shown = {a["id"]: a for a in (await get(api, "/api/accounts"))["accounts"]}
    assert [shown[i]["state"] for i in ("mail-0", "mail-1")] == ["active", "paused"]
    assert shown["mail-1"]["source"] == "by_hand"
    again = await api.post("/api/accounts/mail-1/pause", json={"reason": "odd"})
    assert "rests already" in problem(again, 409)
    problem(await api.post("/api/accounts/mail-1/pause", json={"reason": ""}), 422)
    problem(await api.post("/api/accounts/nobody/pause", json={"reason": "x"}), 404)
    done = await api.post("/api/accounts/mail-1/resume")
    assert done.json() == {"id": "mail-1", "state": "active", "touches": 0}
    problem(await api.post("/api/accounts/mail-1/resume"), 409)


async def test_capacity_is_told_for_each_account_and_day(desk: Desk) -> None:
    await desk.line.enroll(12)
    days = await desk.json("capacity", "--days", "7")
    assert len(days) == 14
    assert sum(day["taken"] for day in days) == 12
    weekdays = [d for d in days if d["account"] == "mail-0" and d["binds"] != "closed"]
    assert len(weekdays) == 5
    assert {d["binds"] for d in weekdays} == {"account_per_day"}
    assert all(d["free"] == d["cap"] - d["taken"] for d in weekdays)
    assert weekdays[-1]["free_for_new"] == 15
    await desk.ok("accounts", "pause", "mail-0")
    desk.line.clock.advance(timedelta(minutes=1))
    rests = await desk.json("capacity", "--days", "1", "--account", "mail-0")
    assert [(d["free"], d["binds"]) for d in rests] == [(0, "account_paused")]
    unknown = await desk.refused("capacity", "--account", "mail-9")
    assert "there is no account 'mail-9' in the accounts file" in unknown
    assert "account_per_day" in await desk.ok("capacity", "--days", "2")
