"""Outside systems tell what their scenario says, each thing when its time has come."""

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from sandbox.ledger import Action
from sandbox.scenario import Scenario, WrongScenario, known_of, person_of, read_scenario, story
from tests.sandbox.conftest import Begin
from tests.sandbox.world import ClockFile, Gateway, Hit, at_rest, eventually

HOUR_US = 3_600_000_000

SHOP: dict[str, Any] = {
    "subject": "order",
    "fields": {"amount": ["84.00 EUR", "19.90 EUR"]},
    "parties": {"carrier": {"names": ["Sprint"], "domain": "parcel.example", "answers": "shipped"}},
    "start": "cart_started",
    "tells": [
        {"signal": "paid", "chance": 0.6, "hours": [2, 20]},
        {"signal": "cancelled", "unless": "paid", "days": [1, 1]},
        {"signal": "shipped", "after": "paid", "days": [1, 2], "fields": {"by": ["van", "bike"]}},
    ],
}


def subjects(count: int) -> list[str]:
    return [f"order-{number}" for number in range(count)]


def test_the_same_seed_and_subject_bring_the_same_story() -> None:
    shop = Scenario.model_validate(SHOP)
    assert [story(shop, 1, who) for who in subjects(50)] == [
        story(shop, 1, who) for who in subjects(50)
    ]
    assert [story(shop, 1, who) for who in subjects(50)] != [
        story(shop, 2, who) for who in subjects(50)
    ]
    assert known_of(shop, 1, "order-1") == known_of(shop, 1, "order-1")


def test_chances_times_and_order_are_those_of_the_file() -> None:
    shop = Scenario.model_validate(SHOP)
    told = Counter[str]()
    for who in subjects(1000):
        by_name = {t.signal: t for t in story(shop, 1, who)}
        told.update(by_name.keys())
        assert ("paid" in by_name) is not ("cancelled" in by_name)
        assert ("shipped" in by_name) is ("paid" in by_name)
        if "paid" in by_name:
            assert 2 * HOUR_US <= by_name["paid"].delay_us <= 20 * HOUR_US
            later = by_name["shipped"].delay_us - by_name["paid"].delay_us
            assert 24 * HOUR_US <= later <= 48 * HOUR_US
            assert by_name["shipped"].fields["by"] in {"van", "bike"}
        else:
            assert by_name["cancelled"].delay_us == 24 * HOUR_US
    assert 550 < told["paid"] < 650


def test_what_is_known_of_a_subject_and_a_person_is_drawn() -> None:
    shop = Scenario.model_validate({**SHOP, "prospect": {"consent": ["yes", "no"]}})
    known = known_of(shop, 1, "order-7")
    assert known["amount"] in {"84.00 EUR", "19.90 EUR"}
    assert known["parties"]["carrier"] == {
        "name": "Sprint",
        "email": "order-7@parcel.example",
        "locale": "en",
    }
    consents = Counter(person_of(shop, 1, who)["consent"] for who in subjects(200))
    assert set(consents) == {"yes", "no"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tells: [{signal: paid, after: placed}]", "no line above it tells"),
        ("tells: [{signal: paid, hours: [5, 2]}]", "the shorter time first"),
        ("tells: [{signal: paid, chance: 2}]", "tells.0.chance"),
        ("start: cart_started", "add `subject: order`"),
        ("tels: []", "tels"),
        ("tells: [", "cannot be read as YAML"),
        (
            """
            subject: order
            parties: {vendor: {names: [A], domain: a.example, answers: never}}
            """,
            "answers with `never`",
        ),
    ],
)
def test_a_wrong_scenario_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(dedent(text))
    with pytest.raises(WrongScenario, match=said) as caught:
        read_scenario(path)
    assert str(caught.value).startswith(str(path))


def system(gateway: Gateway, scenario: dict[str, Any], begins_at: str, count: int) -> Any:
    prospect = {"email": "zoe@x.example", "country": "FR"}
    return {
        "name": "shop",
        "api_base": gateway.url,
        "token": "secret",
        "scenario": scenario,
        "subjects": [
            {"name": who, "begins_at": begins_at, "prospect": prospect} for who in subjects(count)
        ],
    }


def recorded(hit: Hit) -> tuple[int, dict[str, str], bytes]:
    """What the API answers; one subject is not liked."""
    (signal,) = json.loads(hit.body)["signals"]
    verdict = "rejected" if signal["subject"] == "order-3" else "recorded"
    return 200, {}, json.dumps({"rows": [{"verdict": verdict}]}).encode()


async def test_a_system_tells_its_subjects_signals_over_http(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    gateway.answer = recorded
    now = (await begin()).clock.now()
    begins_at = (now + timedelta(hours=1)).isoformat()
    sandbox = await begin(systems=[system(gateway, SHOP, begins_at, 20)])
    assert sandbox.agenda.next_due_us is not None
    for _ in range(200):
        clock.jump(HOUR_US)
        sandbox.agenda.run_due()
    await eventually(lambda: at_rest(sandbox), "everything is told")

    posted = [json.loads(hit.body) for hit in gateway.named("/api/signals")]
    assert all(hit.headers["authorization"] == "Bearer secret" for hit in gateway.hits)
    assert len({document["key"] for document in posted}) == len(posted)
    signals = [signal for document in posted for signal in document["signals"]]
    started = [s for s in signals if s["signal"] == "cart_started"]
    assert {s["subject"] for s in started} == set(subjects(20))
    assert all(s["prospect"]["email"] == "zoe@x.example" for s in started)
    assert all(s["fields"]["parties"]["carrier"]["email"] for s in started)
    shop = Scenario.model_validate(SHOP)
    expected = Counter(t.signal for who in subjects(20) for t in story(shop, 1, who))
    assert Counter(s["signal"] for s in signals) == expected + Counter(cart_started=20)
    assert not any("prospect" in s for s in signals if s["signal"] != "cart_started")
    rows = [row for row in sandbox.ledger.after(0, 10_000) if isinstance(row, Action)]
    failed = {row.person for row in rows if not row.done}
    assert failed == {"order-3"}


async def test_what_a_crm_tells_is_about_persons(
    begin: Begin, clock: ClockFile, gateway: Gateway
) -> None:
    sandbox = await begin()
    scenario = {"tells": [{"signal": "ready_to_buy", "hours": [1, 1]}]}
    begins_at = sandbox.clock.now().isoformat()
    sandbox = await begin(systems=[system(gateway, scenario, begins_at, 1)])
    clock.jump(2 * HOUR_US)
    sandbox.agenda.run_due()
    await eventually(lambda: at_rest(sandbox), "it is told")
    (hit,) = gateway.named("/api/signals")
    (signal,) = json.loads(hit.body)["signals"]
    assert signal == {
        "signal": "ready_to_buy",
        "prospect": {"email": "zoe@x.example", "country": "FR"},
    }
    # A gateway that answers nothing that can be read has not recorded it.
    assert sandbox.ledger.failed_actions == {"signal_told": 1}
