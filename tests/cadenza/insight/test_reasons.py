"""Every reason for which a touch can wait has a name, a sentence and a line in the docs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from cadenza.accounts.choice import NO_ACCOUNT
from cadenza.accounts.states import ACCOUNT_PAUSED
from cadenza.calendars import Closed
from cadenza.course import overdue
from cadenza.insight.reasons import SENTENCES, in_words
from cadenza.limits import reasons
from cadenza.pacing.book import FOLLOW_UPS_FIRST
from scheduler.loop import TURN_FAILED
from scheduler.settle import WORKER_LOST
from workers.turns import PERSON_GAP

ROOT = Path(__file__).parents[3]
BY_NAME = {
    "ACCOUNT_PAUSED": ACCOUNT_PAUSED,
    "NO_ACCOUNT": NO_ACCOUNT,
    "PERSON_GAP": PERSON_GAP,
    "REASON": overdue.REASON,
    "TURN_FAILED": TURN_FAILED,
    "WORKER_LOST": WORKER_LOST,
    **{f"{one.name}": one.value for one in Closed},
}
DEFERRING = {"later", "anew", "put_off", "moved_to"}


def put_off_in(path: Path) -> Iterator[str]:
    """Reasons that a file gives to touches that it puts off, as far as they stand there."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        given = [k.value for k in node.keywords if k.arg in ("reason", "code")]
        if name in DEFERRING:
            given += node.args[1:]
        elif name not in ("replace", "SendWithheld"):
            continue
        for value in given:
            for part in ast.walk(value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value
                elif isinstance(part, ast.Name | ast.Attribute):
                    known = BY_NAME.get(getattr(part, "attr", getattr(part, "id", "")))
                    if known is not None:
                        yield known


def every_reason() -> set[str]:
    files = [*(ROOT / "workers").glob("*.py"), *(ROOT / "scheduler").glob("*.py")]
    said = {reason for path in files for reason in put_off_in(path)}
    return {*said, *reasons(), FOLLOW_UPS_FIRST, *Closed}


def test_the_reasons_that_delivery_gives_are_found() -> None:
    assert {
        "withheld", "limiter_unavailable", "provider_deferred", "account_paused", "person_gap",
        "overdue", "worker_lost", "error", "account_per_day",
    } <= every_reason()  # fmt: skip


def test_every_reason_has_a_sentence_and_every_sentence_a_reason() -> None:
    assert set(SENTENCES) == every_reason()


@pytest.mark.parametrize("reason", sorted(every_reason()))
def test_every_reason_is_told_in_words_and_on_the_page_on_monitoring(reason: str) -> None:
    assert in_words(reason).startswith(f"{reason}: ")
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    table = page.partition("## Why a touch waits")[2].partition("\n## ")[0]
    assert f"`{reason}`" in table


def test_a_rule_of_ones_own_is_told_by_its_name() -> None:
    assert in_words("moon_phase") == "moon_phase"
