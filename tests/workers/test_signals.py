"""What the outside tells: enrollments of a subject start, hear, move, open again and end."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

import workers.apply_events
from tests.support.pipeline import Pipeline
from tests.workers.cadences import cadence
from tests.workers.test_enroll import message, person

SIGNALS = """
signals:
  item_returned: start
  vendor_answered: heard
  payment_missing: move to nudge
  came_back: reopen at sort-out
  withdrawn: end lost
  refunded: heard
"""
STEPS = """
  - step: ask
    wait: {for: vendor_answered, at_most: 10 days, otherwise: nudge}
  - step: sort-out
    wait: 5 days
    go: done
  - step: nudge
    wait: 20 days
  - step: done
    end: no_response
"""
REFUND = cadence("refund", SIGNALS, STEPS, objective="refunded")


async def tell(
    line: Pipeline, name: str, subject: str | None = "order-1", *, key: str = "", **more: Any
) -> str:
    """Send one signal and apply it; gives its verdict."""
    told = {"signal": name, **({"subject": subject} if subject else {}), **more}
    key = key or f"{name}-{await line.value('select count(*) from receipt')}"
    await line.signals.take(json.dumps({"key": key, "signals": [told]}).encode())
    await line.applier.apply_all()
    return str(
        await line.value(
            """select verdict from receipt_row join receipt on id = receipt_id
            where message_key = $1""",
            key,
        )
    )


async def stands(line: Pipeline) -> Sequence[tuple[Any, ...]]:
    return await line.rows("select status, outcome, step from enrollment order by id")


async def test_a_signal_starts_what_its_subject_is_about_once(line: Pipeline) -> None:
    await line.apply(REFUND)
    row = person(1)
    for _ in range(2):
        assert await tell(line, "item_returned", prospect=row, fields={"reason": "too small"})
    assert await stands(line) == [("active", None, "ask")]
    assert await line.rows("select subject, subject_fields from enrollment") == [
        ("order-1", {"reason": "too small"})
    ]
    assert await line.rows("select what from reaction order by event_id, what") == [
        ("started",), ("heard",),
    ]  # fmt: skip


async def test_the_same_message_again_changes_nothing(line: Pipeline) -> None:
    await line.apply(REFUND)
    for _ in range(2):
        await tell(line, "item_returned", key="k", prospect=person(1))
    assert await line.value("select count(*) from event") == 1
    assert await line.value("select count(*) from reaction") == 1


async def test_what_is_heard_ends_a_wait_and_is_about_its_own_subject_alone(
    line: Pipeline,
) -> None:
    await line.apply(REFUND)
    for n in (1, 2):
        await tell(line, "item_returned", f"order-{n}", prospect=person(n))
    await tell(line, "vendor_answered", "order-2", fields={"answer": "yes"})
    assert [step for _, _, step in await stands(line)] == ["ask", "sort-out"]
    assert await line.value("select subject_fields from enrollment where subject = 'order-2'") == {
        "answer": "yes"
    }


async def test_a_signal_moves_and_ends(line: Pipeline) -> None:
    await line.apply(REFUND)
    await tell(line, "item_returned", prospect=person(1))
    await tell(line, "payment_missing")
    assert await stands(line) == [("active", None, "nudge")]
    await tell(line, "withdrawn")
    assert await stands(line) == [("finished", "lost", "nudge")]


async def test_the_objective_can_be_a_signal(line: Pipeline) -> None:
    await line.apply(REFUND)
    await tell(line, "item_returned", prospect=person(1))
    await tell(line, "refunded")
    assert [(status, outcome) for status, outcome, _ in await stands(line)] == [("finished", "won")]


async def test_a_finished_one_is_opened_again_and_an_active_one_moves(line: Pipeline) -> None:
    await line.apply(REFUND)
    await tell(line, "item_returned", prospect=person(1))
    await tell(line, "came_back")
    assert await stands(line) == [("active", None, "sort-out")]
    await tell(line, "withdrawn")
    line.clock.advance(timedelta(hours=1))
    await tell(line, "came_back", fields={"again": True})
    assert await stands(line) == [("active", None, "sort-out")]
    assert await line.value("select count(*) from due") == 1
    assert await line.value("select subject_fields->'again' from enrollment") is True


async def test_of_several_that_ended_the_last_is_opened_and_none_while_one_runs(
    line: Pipeline,
) -> None:
    await line.apply(REFUND)
    for _ in range(2):
        await tell(line, "item_returned", prospect=person(1))
        await tell(line, "withdrawn")
        line.clock.advance(timedelta(hours=1))
    await tell(line, "came_back")
    assert [status for status, _, _ in await stands(line)] == ["finished", "active"]
    await tell(line, "came_back")
    assert [status for status, _, _ in await stands(line)] == ["finished", "active"]


async def test_who_must_not_be_contacted_is_neither_started_nor_opened_again(
    line: Pipeline,
) -> None:
    await line.apply(REFUND)
    await tell(line, "item_returned", prospect=person(1))
    await tell(line, "withdrawn")
    await line.execute(
        "insert into suppression values ('email:p1@example.com', 'asked', 'hand', now())"
    )
    await tell(line, "came_back")
    await tell(line, "item_returned", "order-2", prospect=person(1))
    assert await stands(line) == [("finished", "lost", "ask")]


async def test_a_start_knows_the_person_from_the_subject(line: Pipeline) -> None:
    await line.apply(REFUND)
    await line.apply(cadence("shop"))
    row = person(1, subject={"id": "order-9", "total": 30})
    await line.enroller.enroll(message(row, cadence="shop"))
    await tell(line, "item_returned", "order-9", fields={"reason": "late"})
    assert await line.rows("select subject, subject_fields from enrollment order by id") == [
        ("order-9", {"total": 30}),
        ("order-9", {"total": 30, "reason": "late"}),
    ]
    assert await line.value("select count(*) from prospect") == 1


async def test_without_a_subject_it_is_about_the_person(line: Pipeline) -> None:
    await line.apply(REFUND)
    await tell(line, "item_returned", None, prospect=person(1))
    await tell(line, "payment_missing", None, prospect={"id": "7", **person(1)})
    assert await stands(line) == [("active", None, "nudge")]


async def test_the_policy_of_the_cadence_applies(line: Pipeline) -> None:
    await line.apply(cadence("refund", SIGNALS + "\nenroll: {again: never}", STEPS))
    await tell(line, "item_returned", prospect=person(1))
    await tell(line, "withdrawn")
    assert await tell(line, "item_returned", prospect=person(1)) == "recorded"
    assert await stands(line) == [("finished", "lost", "ask")]
    refused = "select value from rollup where cadence = 'refund' and metric = 'refused'"
    assert await line.value(refused) == 1


async def test_each_wrong_signal_is_refused_by_itself(line: Pipeline) -> None:
    await line.apply(REFUND)
    rows: list[Any] = [
        {"signal": "vendor_answered", "subject": "s"},
        {"signal": "vendor_answerd", "subject": "s"},
        {"signal": "vendor_answered"},
        {"signal": "vendor_answered", "subject": "s", "at": "2026-03-02T10:00:00"},
        {"signal": "vendor_answered", "subject": "s", "at": "2027-03-02T10:00:00Z"},
        {"signal": "vendor_answered", "subject": "s", "fields": {"a": {}}},
        {"signal": "vendor_answered", "subject": "s", "fields": {"id": "x"}},
        {"signal": "vendor_answered", "subject": "s", "fields": []},
        {"signal": "vendor_answered", "subject": "s", "prospect": {"email": "x"}},
        {"signal": "vendor_answered", "subject": {"id": "s"}},
        {"signal": "vendor_answered", "subject": "s", "more": 1},
        {"signal": "vendor_answered", "subject": "\0"},
        "vendor_answered",
        {"signal": "refunded", "subject": 17, "at": "2026-03-01T10:00:00+01:00"},
    ]
    receipt = await line.signals.take(json.dumps({"key": "k", "signals": rows}).encode())
    assert (receipt.status, receipt.accepted, receipt.rejected) == ("accepted", 2, 12)
    said = await line.rows("select verdict, field from receipt_row order by row_number")
    assert said == [
        ("recorded", None), ("rejected", "signal"), ("rejected", "subject"),
        ("rejected", "at"), ("rejected", "at"), ("rejected", "subject.a"),
        ("rejected", "fields.id"), ("rejected", "fields"), ("rejected", "email"),
        ("rejected", "subject"), ("rejected", "more"), ("rejected", "subject"),
        ("rejected", None), ("recorded", None),
    ]  # fmt: skip
    reason = await line.value("select reason from receipt_row where field = 'signal'")
    assert reason.startswith("is declared by no applied cadence; declared: came_back")
    for broken in (b"[]", b"{", b'{"key": "k 1", "signals": [{}]}'):
        assert (await line.signals.take(broken)).status == "unreadable"


async def test_keys_of_enrollments_and_of_signals_are_apart(line: Pipeline) -> None:
    await line.apply(REFUND)
    await line.enroller.enroll(message(person(1), key="same"))
    assert await tell(line, "vendor_answered", key="same") == "enrolled"
    assert await line.value("select count(*) from receipt") == 2


async def test_signals_about_one_subject_are_applied_in_their_order_by_whoever(
    line: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers.apply_events, "_GROUP", 3)
    await line.apply(REFUND)
    told = [
        {"signal": name, "subject": f"order-{n}", "prospect": person(n)}
        for n in range(12)
        for name in ("item_returned", "vendor_answered", "withdrawn", "came_back")
    ]
    for n, signal in enumerate(told):
        document = {"key": f"k{n}", "signals": [signal]}
        await line.signals.take(json.dumps(document).encode())

    async def apply_all() -> None:
        while await line.value("select count(*) from inbox"):
            await line.applier.apply_all()

    await asyncio.gather(*(apply_all() for _ in range(4)))
    assert await line.rows("select distinct status, step from enrollment") == [
        ("active", "sort-out")
    ]
    assert await line.value("select count(*) from enrollment") == 12
