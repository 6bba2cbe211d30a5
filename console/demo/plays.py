"""What the demo plays: its cadences, their share of the prospects, and what is told of each.

A cadence with a scenario (`data/scenarios/NAME.yaml`) is about subjects or
signals: an outside system of the sandbox tells of them. Where the scenario
has a signal that starts, that alone begins the cadence; else the
prospects are enrolled with their subject.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cadenza.errors import ConfigurationError
from cadenza.language.cadence import Cadence
from cadenza.language.loader import Sources, load_cadence
from cadenza.steps.move_to import MoveToStep
from console.demo.producer import messages_of
from sandbox.scenario import (
    Scenario,
    WrongScenario,
    known_of,
    mailbox,
    person_of,
    read_scenario,
    story,
)

SCENARIOS = Path(__file__).parent / "data" / "scenarios"

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Play:
    """One cadence of the demo.

    enrolled: the rows that are enrolled, each with its moment. told: the
    subjects of which the outside system tells: name, moment, person.
    """

    cadence: str
    enrolled: Sequence[tuple[datetime, Sequence[Row]]]
    scenario: Scenario | None = None
    told: Sequence[tuple[str, datetime, Row]] = ()

    def system(self, api_base: str, token: str) -> Mapping[str, Any] | None:
        """Settings of the system in the sandbox; None if nothing is told."""
        if self.scenario is None or not self.told:
            return None
        return {
            "name": self.cadence,
            "api_base": api_base,
            "token": token,
            "scenario": self.scenario.model_dump(),
            "subjects": [
                {"name": name, "begins_at": at.isoformat(), "prospect": dict(row)}
                for name, at, row in self.told
            ],
        }

    def personas(self, seed: int) -> Mapping[str, Mapping[str, str]]:
        """How the other parties of its subjects take their mail, by address."""
        if self.scenario is None:
            return {}
        return {
            mailbox(party, name).lower(): {
                "persona": "replies_positive"
                if party.answers in {told.signal for told in story(self.scenario, seed, name)}
                else "silent"
            }
            for name, _, _ in self.told
            for party in self.scenario.parties.values()
        }


def read_plays(paths: Sequence[Path]) -> Mapping[str, tuple[Sources, Cadence]]:
    """The cadences of these files, and those that they move people into, by name.

    Raises CadenceError, and ConfigurationError for two of one name.
    """
    found: dict[str, tuple[Sources, Cadence]] = {}
    for path in paths:
        sources, cadence = load_cadence(path)
        if cadence.name in found:
            raise ConfigurationError(f"{path}: there are two cadences called {cadence.name}")
        found[cadence.name] = sources, cadence
    ahead = [
        (path.parent, found_of) for path, found_of in zip(paths, list(found.values()), strict=True)
    ]
    while ahead:
        folder, (_, cadence) = ahead.pop()
        for step in cadence.steps.values():
            target = folder / f"{step.cadence}.yaml" if isinstance(step, MoveToStep) else None
            if target and target.stem not in found and target.exists():
                found[target.stem] = load_cadence(target)
                ahead.append((folder, found[target.stem]))
    return found


def scenario_of(cadence: str) -> Scenario | None:
    """The scenario that comes with the demo for this cadence. Raises ConfigurationError."""
    path = SCENARIOS / f"{cadence}.yaml"
    try:
        return read_scenario(path) if path.exists() else None
    except WrongScenario as error:
        raise ConfigurationError(str(error)) from error


def share_out(
    names: Sequence[str], rows: Sequence[Row], *, per_day: int, start: datetime, seed: int
) -> Sequence[Play]:
    """The plays of these cadences, each with its share of the prospects. per_day: of all of them.

    Raises ConfigurationError.
    """
    return [
        play_of(
            name,
            rows[number :: len(names)],
            per_day=-(-per_day // len(names)),
            start=start,
            seed=seed,
            scenario=scenario_of(name),
        )
        for number, name in enumerate(names)
    ]


def play_of(
    cadence: str,
    rows: Sequence[Row],
    *,
    per_day: int,
    start: datetime,
    seed: int,
    scenario: Scenario | None,
) -> Play:
    """Who is enrolled when in one cadence, and what they are about."""
    planned = messages_of(rows, per_day, start)
    if scenario is None:
        return Play(cadence=cadence, enrolled=planned)
    about = scenario.subject or cadence
    told: list[tuple[str, datetime, Row]] = []
    enrolled: list[tuple[datetime, Sequence[Row]]] = []
    for at, some in planned:
        message: list[Row] = []
        for row in some:
            name = f"{about}-{len(told) + 1:04d}"
            person = {**row, **person_of(scenario, seed, name)}
            told.append((name, at, person))
            if scenario.subject is not None:
                person = {**person, "subject": {"id": name, **known_of(scenario, seed, name)}}
            message.append(person)
        enrolled.append((at, message))
    if scenario.start is not None:
        enrolled = []
    is_told = scenario.start is not None or scenario.tells
    return Play(cadence=cadence, enrolled=enrolled, scenario=scenario, told=told if is_told else ())
