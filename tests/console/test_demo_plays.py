"""What the demo plays: shares of prospects, subjects, and what outside systems tell of them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import cadences
from cadenza.errors import ConfigurationError
from cadenza.language.loader import load_cadence
from console.demo.plays import SCENARIOS, Play, play_of, read_plays, scenario_of
from sandbox.settings import SystemSettings

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
FOLDER = Path(cadences.__path__[0])
ROWS: list[Mapping[str, Any]] = [{"email": f"p{n}@x.example"} for n in range(30)]


def play(cadence: str) -> Play:
    return play_of(cadence, ROWS, per_day=10, start=MONDAY, seed=1, scenario=scenario_of(cadence))


def test_without_a_scenario_everybody_is_enrolled_as_they_are() -> None:
    played = play("inbound")
    assert [row for _, rows in played.enrolled for row in rows] == ROWS
    assert len({at for at, _ in played.enrolled}) == 3
    assert played.system("http://x", "t") is None
    assert not played.personas(1)


def test_a_signal_that_starts_takes_the_place_of_enrolling() -> None:
    played = play("shop")
    assert not played.enrolled
    assert [name for name, _, _ in played.told] == [f"order-{n:04d}" for n in range(1, 31)]
    settings = SystemSettings.model_validate(played.system("http://x", "t"))
    assert settings.scenario.start == "cart_started"
    assert settings.subjects[0].prospect == ROWS[0]
    assert len({subject.begins_at for subject in settings.subjects}) == 3


def test_without_such_a_signal_prospects_are_enrolled_with_their_subject() -> None:
    played = play("refund")
    rows = [row for _, rows in played.enrolled for row in rows]
    assert [row["subject"]["id"] for row in rows] == [name for name, _, _ in played.told]
    assert all(row["subject"]["amount"] for row in rows)


def test_what_is_known_of_a_person_goes_with_the_row() -> None:
    played = play("month-enterprise")
    consents = {row["sms_consent"] for _, rows in played.enrolled for row in rows}
    assert consents == {"yes", "no"}
    assert not played.told


def test_vendors_answer_where_it_will_be_told_and_else_stay_silent() -> None:
    personas = play("claim").personas(1)
    assert len(personas) == len(ROWS)
    assert all(address.endswith("@vendors.example") for address in personas)
    assert {persona["persona"] for persona in personas.values()} == {"replies_positive", "silent"}


def test_cadences_that_people_are_moved_into_are_applied_as_well() -> None:
    found = read_plays([FOLDER / "shop.yaml", FOLDER / "inbound.yaml"])
    assert list(found) == ["shop", "inbound", "refund"]


def test_two_cadences_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two cadences called inbound"):
        read_plays([FOLDER / "inbound.yaml", FOLDER / "inbound.yaml"])


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_scenario_tells_what_its_cadence_declares(path: Path) -> None:
    scenario = scenario_of(path.stem)
    assert scenario is not None
    _, cadence = load_cadence(FOLDER / f"{path.stem}.yaml")
    linked = read_plays([FOLDER / f"{path.stem}.yaml"])
    declared = {name for _, other in linked.values() for name in other.signals}
    assert {telling.signal for telling in scenario.tells} <= declared
    if scenario.start is not None:
        assert cadence.signals[scenario.start].action == "start"
    told = {telling.signal for telling in scenario.tells} | {scenario.start}
    assert cadence.signals.keys() <= told, "everything that it hears is told at times"
