"""Every way through every shipped cadence is walked, by people who do whatever they may do.

A walk is drawn from a seed: time passes, tasks are done in one of their ways,
prospects open, click and answer, the outside tells its signals. Enough walks
take every way out of every branch, wait, loop and parallel, and come to every end.
"""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import cadences
from cadenza.language.cadence import Cadence
from cadenza.language.loader import load_cadence
from cadenza.model import EnrollmentStatus, EventType, Occurrence, Profile
from cadenza.steps.branch import BranchStep
from cadenza.steps.end import EndStep
from cadenza.steps.task import TaskStep
from tests.cadenza.planner.courses import MONDAY, Walk, person

SHIPPED = sorted(Path(cadences.__path__[0]).glob("*.yaml"))
WALKS = 400
MOST_MOVES = 400
HOUR = timedelta(hours=1)

# What the prospects of these walks answer with, apart from what ends a cadence for good.
HEARD = (
    EventType.OPENED,
    EventType.CLICKED,
    EventType.REPLIED,
    EventType.CONNECTION_ACCEPTED,
)

Move = tuple[str, str, str]


def somebody(draw: random.Random) -> Profile:
    fields = {"first_name": "Zoë", "company": "Gâteaux & Fils"}
    if draw.random() < 0.5:
        fields["sms_consent"] = "yes"
    return person(
        key=f"p-{draw.random()}",
        profile=draw.choice(["zoe", None]),
        fields=fields,
        subject={"id": "4711"},
        parties={"vendor": {"name": "Garage", "email": "garage@example.org"}},
    )


def possible(cadence: Cadence, walk: Walk) -> Iterator[Move]:
    """What can happen now, beside time passing."""
    for position in walk.state.positions().values():
        step = cadence.steps[position.step]
        opened = "opened_task" in walk.state.history.get(position.step, {})
        if isinstance(step, TaskStep) and opened:
            for disposition in step.dispositions:
                yield "task", step.step_id, disposition
    for step_id, of_step in walk.state.history.items():
        if "sent" in of_step:
            for event in set(HEARD) & cadence.steps[step_id].events:
                yield "event", step_id, event
    for signal, reaction in cadence.signals.items():
        if reaction.action in {"heard", "move", "end"}:
            yield "signal", "", signal


def do(walk: Walk, move: Move) -> None:
    kind, step, what = move
    walk.now += HOUR
    match kind:
        case "task":
            visit = walk.state.visits[step]
            walk.hear(EventType.TASK_DONE, step, disposition=what, visit=visit)
        case "event":
            walk.hear(what, step)
        case "signal":
            walk.hear(what)


def wander(cadence: Cadence, seed: int) -> Walk:
    """One walk to its end."""
    draw = random.Random(seed)
    eager = draw.choice([0.05, 0.3, 0.6])
    quiet = {kind for kind in ("event", "signal") if draw.random() < 0.4}
    walk = Walk(cadence, somebody(draw), MONDAY)
    reopens = [r.step for r in cadence.signals.values() if r.action == "reopen"]
    for _ in range(MOST_MOVES):
        if walk.finished:
            if not reopens or draw.random() < 0.5:
                return walk
            step = str(reopens.pop())
            walk.apply(Occurrence(kind="reopened", at=walk.now + HOUR, data={"step": step}))
            continue
        moves = sorted(move for move in possible(cadence, walk) if move[0] not in quiet)
        if walk.plan is None or (moves and draw.random() < eager):
            assert moves, f"it waits for nothing, at {walk.state.positions()}"
            kind = draw.choice(sorted({kind for kind, _, _ in moves}))
            do(walk, draw.choice([move for move in moves if move[0] == kind]))
        else:
            walk.act()
        assert walk.status() is not EnrollmentStatus.PAUSED
    raise AssertionError(f"no end after {MOST_MOVES} moves, at {walk.state.positions()}")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_way_is_walked_to_every_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, cadence = load_cadence(path)
    taken: set[tuple[str, str]] = set()
    go = BranchStep._go

    def going(self: BranchStep, step: str, *of: object) -> object:
        taken.add((self.step_id, step))
        return go(self, step, *of)  # type: ignore[arg-type]

    monkeypatch.setattr(BranchStep, "_go", going)
    visited: set[str] = set()
    for seed in range(WALKS):
        visited |= wander(cadence, seed).state.visits.keys()
    assert visited == cadence.steps.keys()
    forks = {
        s.step_id: set(s.targets()) for s in cadence.steps.values() if isinstance(s, BranchStep)
    }
    assert {fork: {to for f, to in taken if f == fork} for fork in forks} == forks
    assert [s for s in cadence.steps.values() if isinstance(s, EndStep)] or "refund" in path.stem
