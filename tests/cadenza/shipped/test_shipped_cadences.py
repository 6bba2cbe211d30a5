"""Every shipped cadence compiles, and each way through the ten touches is as it should be."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

import cadences
from cadenza.calendars import Days, local_date
from cadenza.language.cadence import Cadence
from cadenza.language.loader import load_cadence
from cadenza.model import SENDING_CHANNELS, Channel, EventType, Outcome
from cadenza.steps.branch import BranchStep
from cadenza.steps.task import TaskStep
from tests.cadenza.planner.courses import MONDAY, Walk, local, person

FOLDER = Path(cadences.__path__[0])
SHIPPED = sorted(FOLDER.glob("*.yaml"))
HOUR = timedelta(hours=1)

Deed = Callable[[Walk], object]


def load(name: str) -> Cadence:
    return load_cadence(FOLDER / f"{name}.yaml")[1]


def hear(event: EventType, step: str, **data: str) -> Deed:
    return lambda walk: walk.hear(event, step, at=walk.now + HOUR, **data)


def call(step: str, disposition: str) -> tuple[str, Deed]:
    return step, hear(EventType.TASK_DONE, step, disposition=disposition)


CLICKS = ("read-the-guide", hear(EventType.CLICKED, "intro"))
ACCEPTS = ("intro", hear(EventType.CONNECTION_ACCEPTED, "connect"))

# What somebody does when standing at a step → the touches and tasks of their way.
WAYS: dict[str, tuple[Sequence[tuple[str, Deed]], str, Outcome]] = {
    "never reacts": (
        [],
        "connect intro value proof first-call reminder authority second-call one-question "
        "last-word",
        Outcome.NO_RESPONSE,
    ),
    "accepts on LinkedIn": (
        [ACCEPTS],
        "connect intro value proof-on-linkedin first-call reminder authority second-call "
        "one-question last-word",
        Outcome.NO_RESPONSE,
    ),
    "opens the guide": (
        [CLICKS],
        "connect intro warm-call value proof reminder authority second-call one-question last-word",
        Outcome.NO_RESPONSE,
    ),
    "opens the guide and talks": (
        [CLICKS, call("warm-call", "connected")],
        "connect intro warm-call value proof recap authority second-call one-question last-word",
        Outcome.NO_RESPONSE,
    ),
    "talks on the first call": (
        [call("first-call", "connected")],
        "connect intro value proof first-call recap authority second-call one-question last-word",
        Outcome.NO_RESPONSE,
    ),
    "books on the second call": (
        [call("second-call", "meeting_booked")],
        "connect intro value proof first-call reminder authority second-call",
        Outcome.WON,
    ),
    "replies to the second mail": (
        [("breathe", hear(EventType.REPLIED, "value"))],
        "connect intro value",
        Outcome.REPLIED,
    ),
    "answers the last mail while it still counts": (
        [("listen", hear(EventType.MEETING_BOOKED, "last-word"))],
        "connect intro value proof first-call reminder authority second-call one-question "
        "last-word",
        Outcome.WON,
    ),
}


def went(cadence: Cadence, deeds: Sequence[tuple[str, Deed]]) -> tuple[Walk, set[tuple[str, str]]]:
    """Walk it, doing each deed once the walk waits at its step; and which forks were taken."""
    walk, ahead, taken = Walk(cadence), dict(deeds), set()
    while walk.plan is not None:
        visited = list(walk.state.visits)
        waits = walk.plan.channel is Channel.TIMER or not isinstance(
            cadence.steps[walk.state.step], TaskStep
        )
        if waits and walk.state.step in ahead:
            ahead.pop(walk.state.step)(walk)
        else:
            walk.act()
        after = [*visited[-1:], *(s for s in walk.state.visits if s not in visited)]
        taken |= {
            (fork, to)
            for fork, to in pairwise(after)
            if isinstance(cadence.steps[fork], BranchStep)
        }
    assert not ahead
    return walk, taken


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_cadence_compiles_under_its_own_name(path: Path) -> None:
    sources, cadence = load_cadence(path)
    assert cadence.name == path.stem
    templates = {str(file.relative_to(FOLDER)) for file in FOLDER.glob("templates/**/*.liquid")}
    own = {name for name in templates if name.startswith(f"templates/{cadence.name}/")}
    assert own == {name for name in sources if name.endswith(".liquid")}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_through_the_ten_touches_is_as_it_should_be(way: str) -> None:
    deeds, steps, outcome = WAYS[way]
    walk, _ = went(load("ten-touch"), deeds)
    assert walk.steps(*SENDING_CHANNELS, Channel.TASK) == steps.split()
    assert walk.state.outcome is outcome


def test_every_branch_of_the_ten_touches_is_walked() -> None:
    cadence = load("ten-touch")
    walked = {fork for deeds, _, _ in WAYS.values() for fork in went(cadence, deeds)[1]}
    forks = {
        (step_id, target)
        for step_id, step in cadence.steps.items()
        if isinstance(step, BranchStep)
        for target in step.targets()
    }
    assert walked == forks


def test_ten_touches_take_seventeen_business_days_and_eight_of_them_are_sent() -> None:
    cadence = load("ten-touch")
    for number in range(60):
        begin = MONDAY + timedelta(hours=number % 4, days=number % 5)
        walk = Walk(cadence, person(key=f"p-{number}"), begin).to_the_end()
        assert len(walk.steps(*SENDING_CHANNELS)) == 8
        last = max(plan.due_at for plan in walk.acted if plan.channel is not Channel.TIMER)
        zone = walk.profile.time_zone
        passed = Days.BUSINESS.between(local_date(begin, zone), local_date(last, zone))
        assert passed + 1 == 17


def test_touches_become_ever_fewer() -> None:
    walk, _ = went(load("ten-touch"), [])
    days = [local(p, walk.profile).date() for p in walk.acted if p.channel is not Channel.TIMER]
    first_half = sum((day - days[0]).days <= 9 for day in days)
    assert first_half >= len(days) - first_half
