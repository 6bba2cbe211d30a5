"""All nine shipped cadences in one time-lapse, through the real servers, to their ends.

As a careful team sends: from twenty accounts with limits of every scope,
while somebody pauses accounts and enrollments at random.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import cadences
from cadenza.language.loader import load_cadence
from cadenza.steps.touch import TouchStep
from console.demo.ops_person import REASON
from tests.support.demo_runs import run_demo

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

SHIPPED = sorted(Path(cadences.__path__[0]).glob("*.yaml"))
ACCOUNTS = Path(str(resources.files("console.demo"))) / "data" / "accounts-quarter.yaml"
EACH = 14
DAYS = 56
PAUSES = 1
SEED = 2  # with which every end is come to

# People who say more than in the demo, so that few prospects come to every end.
RESPONSE = """
email: {opened: 0.15, replies: 0.08}
tasks:
  call:
    no_answer: 35
    left_voicemail: 10
    connected: 20
    interested: 30
    ready: 30
    goes_on: 20
    no_longer: 15
    not_interested: 5
    bad_fit: 10
    meeting_booked: 4
reps: {look_every_minutes: 240}
"""

# What cannot fail to happen, whatever day it is; chance brings more.
ENDS: Mapping[str, set[str]] = {
    "claim": {"won", "stopped"},
    "crm": {"lost", "won"},
    "inbound": {"no_response"},
    "month-enterprise": {"no_response"},
    "month-velocity": {"no_response"},
    "outbound": {"no_response"},
    "refund": {"won", "stopped"},
    "shop": {"won", "lost", "moved"},
    "ten-touch": {"no_response"},
}

Line = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a run left behind. ledger: the outside world's own."""

    report: Mapping[str, Any]
    told: Sequence[Line]
    ledger: Sequence[Line]

    def of(self, kind: str, cadence: str | None = None) -> list[Line]:
        """Touches, tasks or enrollments."""
        rows = [line for line in self.told if line["kind"] == kind]
        return [row for row in rows if cadence in (None, row["cadence"])]

    def acted(self, action: str) -> list[Line]:
        """What somebody or something outside did."""
        return [row for row in self.ledger if row["type"] == "action" and row["action"] == action]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("timelapse")
    response = folder / "response.yaml"
    response.write_text(RESPONSE)
    rows = EACH * len(SHIPPED)
    run = run_demo(
        folder,
        *(word for path in SHIPPED for word in ("--cadence", str(path))),
        *("--days", str(DAYS), "--per-day", str(rows), "--workers", "1", "--seed", str(SEED)),
        *("--response", str(response), "--accounts", str(ACCOUNTS), "--pauses", str(PAUSES)),
        rows=rows,
        timeout_seconds=380,
    )
    status, report, printed = asyncio.run(run)
    assert status == 0, printed
    data = folder / "demo"
    return Ran(
        report=report,
        told=lines(data / "touches.jsonl"),
        ledger=lines(data / "sandbox" / "ledger.jsonl"),
    )


def lines(path: Path) -> Sequence[Line]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_nothing_is_lost_or_sent_twice_and_no_rule_is_broken(ran: Ran) -> None:
    assert (ran.report["witness"]["lost"], ran.report["witness"]["duplicates"]) == (0, 0)
    assert ran.report["witness"]["unknown"] == 0
    assert set(ran.report["audit"].values()) == {0}


def test_twenty_accounts_reach_people_in_many_zones_through_random_pauses(ran: Ran) -> None:
    # Of twenty; with so few people a number or a profile may get nobody.
    assert ran.report["accounts_used"] >= 18
    assert ran.report["time_zones"] >= 15
    by_hand = ran.report["by_hand"]
    assert by_hand["accounts_paused"] > DAYS * PAUSES / 2
    assert by_hand["enrollments_paused"] > DAYS * PAUSES / 2
    assert ran.report["deferred"]["account_paused"] > 0


def test_every_enrollment_is_finished_or_waits_for_a_named_thing(ran: Ran) -> None:
    for enrollment in ran.of("enrollment"):
        is_finished = enrollment["status"] == "finished"
        rests = enrollment["status"] == "paused" and enrollment["reason"] == REASON
        assert is_finished or rests or enrollment["waits_for"], enrollment
        assert not (is_finished and enrollment["waits_for"]), enrollment


def test_each_cadence_comes_to_its_ends(ran: Ran) -> None:
    ends: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for enrollment in ran.of("enrollment"):
        ends[enrollment["cadence"]][enrollment["outcome"] or "under way"] += 1
    assert ends.keys() == ENDS.keys() == {path.stem for path in SHIPPED}
    for cadence, wanted in ENDS.items():
        assert wanted <= ends[cadence].keys(), (cadence, ends[cadence])
        finished = sum(ends[cadence].values()) - ends[cadence]["under way"]
        assert finished > EACH / 3, (cadence, ends[cadence])


def test_touches_leave_on_every_channel_that_a_cadence_uses(ran: Ran) -> None:
    used = {(row["cadence"], row["channel"]) for row in ran.of("touch")}
    for path in SHIPPED:
        _, cadence = load_cadence(path)
        channels = {s.channel for s in cadence.steps.values() if isinstance(s, TouchStep)}
        assert {(cadence.name, channel) for channel in channels} <= used


def test_returned_items_move_into_the_refund_which_the_shop_is_told_of(ran: Ran) -> None:
    returned = {
        row["person"]
        for row in ran.acted("signal_told")
        if row["detail"] == "item_returned" and row["done"]
    }
    moved = {row["subject"] for row in ran.of("enrollment", "refund") if row["moved_from"]}
    assert returned
    assert moved <= returned
    left = [r for r in ran.of("enrollment", "shop") if r["subject"] in returned]
    assert {r["subject"] for r in left if r["outcome"] == "moved"} == moved
    assert moved, left
    assert {
        row["moved_from"] for row in ran.of("enrollment", "refund") if row["subject"] in moved
    } == {"shop"}

    received = [row for row in ran.ledger if row.get("channel") == "webhook"]
    assert received
    # Nothing was turned away: each was signed as the receiver checks it.
    assert {(row["rejected"], row["note"], row["account"]) for row in received} == {
        (None, "refund.agreed", "refund")
    }
    sent = [r for r in ran.of("touch", "refund") if r["channel"] == "webhook"]
    assert len(received) == len(sent) == ran.report["witness"]["received"]["webhook"]


def test_signals_are_recorded_and_reach_what_they_are_about(ran: Ran) -> None:
    told = ran.acted("signal_told")
    recorded = [row for row in told if row["done"]]
    assert ran.report["events"]["signal"] == len(recorded) > 5 * EACH
    # Rows that are wrong on purpose cannot be told of either.
    assert {row["status"] for row in told if not row["done"]} <= {"200 rejected"}
    started = {r["person"] for r in recorded if r["detail"] in {"cart_started", "claim_filed"}}
    begun = {r["subject"] for r in ran.of("enrollment") if r["cadence"] in {"shop", "claim"}}
    assert begun == started
    settled = {row["person"] for row in recorded if row["detail"] == "settled"}
    for claim in ran.of("enrollment", "claim"):
        if claim["subject"] in settled:
            told_of_it = claim["step"] in {"closing", "feedback", "listen"}
            assert claim["outcome"] == "won" or told_of_it, claim


def test_vendors_are_asked_and_those_who_answer_are_not_chased_on(ran: Ran) -> None:
    asked = [r for r in ran.of("touch", "claim") if r["step"] in {"ask-vendor", "chase-vendor"}]
    chased = Counter(row["subject"] for row in asked)
    answers = {r["person"] for r in ran.acted("signal_told") if r["detail"] == "vendor_answered"}
    assert max(chased.values()) > 1
    assert any(chased[subject] == 1 for subject in answers)
    mailed = [row for row in ran.ledger if row.get("to", "").endswith("@vendors.example")]
    assert len(mailed) == len(asked)
    assert any(row["person"].endswith("@vendors.example") for row in ran.acted("replied_positive"))


def test_reps_do_the_tasks_of_every_team(ran: Ran) -> None:
    done = {(r["cadence"], r["step"]): r["disposition"] for r in ran.of("task") if r["disposition"]}
    assert {
        ("shop", "agree-invoice"),
        ("refund", "receive"),
        ("refund", "agree"),
        ("refund", "collect"),
        ("claim", "take-over"),
        ("claim", "escalate"),
        ("month-enterprise", "gift"),
    } <= done.keys()


def test_a_finished_lead_is_closed_in_the_crm(ran: Ran) -> None:
    leads = ran.of("enrollment", "crm")
    assert {row["crm_status"] for row in leads if row["status"] == "finished"} <= {"closed", "none"}
    won = [row for row in leads if row["outcome"] == "won"]
    assert {row["crm_status"] for row in won} == {"closed"}
