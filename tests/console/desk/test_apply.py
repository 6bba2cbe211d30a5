"""`cadenza apply`."""

from dataclasses import replace

from structlog.testing import capture_logs

from console.processes.common import tell_missing_groups
from tests.console.desk.desk import MIXED, Desk


def write_mixed(desk: Desk, text: str | None = None, name: str = "mixed.yaml") -> str:
    for file, content in MIXED.items():
        desk.write(f"cadences/{file}", content)
    return desk.write(f"cadences/{name}", text or MIXED["mixed.yaml"])


async def test_the_same_files_make_no_new_version(desk: Desk) -> None:
    path = write_mixed(desk)
    assert await desk.ok("apply", path) == "mixed: unchanged (version 1)\n"
    write_mixed(desk, MIXED["mixed.yaml"].replace("Mails and a call", "Another title"))
    assert await desk.ok("apply", str(desk.folder / "cadences")) == "mixed: version 2\n"
    applied = await desk.json("apply", path)
    assert applied == [{"path": path, "cadence": "mixed", "version": 2, "is_new": False}]


async def test_every_problem_of_every_file_is_told_and_nothing_is_applied(desk: Desk) -> None:
    write_mixed(desk, MIXED["mixed.yaml"].replace("title: Mails", "title: More mails"))
    desk.write("cadences/one.yaml", "cadence: one\nobjektive: goal\nsteps: []\n")
    desk.write("cadences/two.yaml", "steps: [\n")
    told = await desk.refused("apply", str(desk.folder / "cadences"))
    assert "one.yaml:2:1: " in told
    assert "two.yaml:" in told
    assert await desk.line.value("select max(version) from cadence_version") == 1


async def test_a_channel_needs_an_account_of_its_group(desk: Desk) -> None:
    text = MIXED["mixed.yaml"].replace("from: {email: outreach}", "from: {email: sales}")
    text = text.replace("  - step: done\n", '  - step: text\n    sms: "Hi"\n  - step: done\n')
    told = await desk.refused("apply", write_mixed(desk, text))
    assert "mixed.yaml:10:5: the accounts file has no email account in group `sales`" in told
    assert "(there: outreach)" in told
    assert "mixed.yaml:24:5: the accounts file has no sms account in group `default`" in told


async def test_live_cadences_that_send_from_a_group_which_is_gone_are_told(desk: Desk) -> None:
    await desk.line.enroll(1)
    file = desk.folder / "accounts.yaml"
    file.write_text(file.read_text().replace("outreach", "sales"))
    path = write_mixed(desk, MIXED["mixed.yaml"].replace("email: outreach}", "email: sales}"))
    for command in ("plan", "apply"):
        result = await desk.cadenza(command, path)
        assert result.exit_code == 0
        assert "warning: cadence mixed (version 1) sends from email group outreach" in result.stderr
        assert "(version 2)" not in result.stderr


async def test_processes_say_at_their_start_which_groups_are_gone(desk: Desk) -> None:
    accounts = [a.model_copy(update={"group": "sales"}) for a in desk.line.accounts.accounts]
    file = desk.line.accounts.model_copy(update={"accounts": accounts})
    with capture_logs() as logs:
        await tell_missing_groups(desk.parts())
        assert logs == []
        await tell_missing_groups(replace(desk.parts(), accounts=file))
    assert logs == [
        {
            "event": "account_group_missing",
            "cadence": "mixed",
            "version": 1,
            "channel": "email",
            "group": "outreach",
            "log_level": "warning",
        }
    ]


async def test_two_files_cannot_be_one_cadence(desk: Desk) -> None:
    write_mixed(desk)
    path = write_mixed(desk, name="other.yaml")
    told = await desk.refused("apply", str(desk.folder / "cadences"))
    assert f"{path}:1:1: `cadence: mixed` is also the name in" in told


async def test_what_is_not_there_is_said(desk: Desk) -> None:
    assert "no such file" in await desk.refused("apply", str(desk.folder / "nowhere.yaml"))
    (desk.folder / "empty").mkdir()
    assert "no cadence file" in await desk.refused("apply", str(desk.folder / "empty"))
