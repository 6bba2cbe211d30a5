"""Walks every way through a cadence once, in days of the cadence, without a prospect.

Reactions come at once or not at all, people do their tasks on the day on
which these open, and a date in a field is a month away. What branches
decide is kept: a way on which a call was never made does not find later
that somebody was reached by it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cadenza.authoring.ways.guesses import Known, experiment_key, guesses
from cadenza.language.cadence import Cadence
from cadenza.language.conditions import Reached
from cadenza.language.timing import Gap, Timing
from cadenza.steps.branch import BranchStep
from cadenza.steps.end import EndStep
from cadenza.steps.repeat import RepeatStep
from cadenza.steps.wait import WaitStep

MOST_WAYS = 2000
_MOST_STOPS = 400
_MOST_STEPS = 50_000
_MOST_ROUNDS = 12
_ROUNDS_OF_THE_ENDLESS = 3
_DATE_DAYS = 30
_DAY_SECONDS = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A step on a way. at: when it acts, in days from the beginning; day 1 is at 0.0."""

    step: str
    visit: int
    at: float

    @property
    def day(self) -> int:
        """The day of the cadence, from 1."""
        return int(self.at) + 1


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way through, its stops by time. quiet: the prospect does nothing on it.

    forks: branch → where it led.
    """

    stops: Sequence[Stop]
    quiet: bool
    forks: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class _Lanes:
    """The lanes of a parallel step that are still to be walked, from where they began."""

    step: str
    began: float
    left: tuple[str, ...]
    ended: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Walk:
    """step: the one to enter next; None: the lane is over."""

    step: str | None
    known: Known
    stops: tuple[Stop, ...] = ()
    forks: Mapping[str, str | None] = field(default_factory=dict)
    lanes: _Lanes | None = None


def ways_through(cadence: Cadence) -> Sequence[Way]:
    """The ways that can be gone, those without reactions first; at most `MOST_WAYS`.

    A loop is gone round as often as a branch counts, at most, plus once.
    The work is bounded too, so that of a maze only some ways are found.
    Deterministic.
    """
    found: list[Way] = []
    most_visits = _most_visits(cadence)
    drawn = {experiment_key(n): frozenset(e.weights) for n, e in cadence.experiments.items()}
    ahead = [_Walk(step=cadence.first_step(), known=Known(so=drawn))]
    left = _MOST_STEPS
    while ahead and left and len(found) < MOST_WAYS:
        walk, left = ahead.pop(), left - 1
        if walk.step is None:
            ahead += _lane_over(walk, cadence)
        elif not _too_long(walk, walk.step, most_visits):
            walk = _entered(walk, walk.step, cadence)
            if _is_last(walk, cadence):
                found.append(_finished(walk))
            else:
                ahead += _onward(walk, walk.stops[-1].step, cadence)
    return sorted(found, key=lambda way: not way.quiet)


def _most_visits(cadence: Cadence) -> Mapping[str, int]:
    """How often each step that a branch counts, or a repeat repeats, may be entered."""
    counted: dict[str, int] = {}
    for step in cadence.steps.values():
        for arm in step.arms if isinstance(step, BranchStep) else ():
            if isinstance(arm.when, Reached):
                counted[arm.when.step] = max(counted.get(arm.when.step, 0), arm.when.times)
        if isinstance(step, RepeatStep):
            for inner in cadence.forms_of(step.step_id):
                counted[inner] = max(counted.get(inner, 0), _rounds(step) + 1)
    return counted


def _rounds(step: RepeatStep) -> int:
    return min(step.at_most or _ROUNDS_OF_THE_ENDLESS, _MOST_ROUNDS)


def _too_long(walk: _Walk, step_id: str, most_visits: Mapping[str, int]) -> bool:
    # Every loop is bounded by a counted step or is cut after its second round.
    longest = max(most_visits.values(), default=1) + 1
    visits = walk.known.visits.get(step_id, 0)
    return len(walk.stops) >= _MOST_STOPS or visits > most_visits.get(step_id, longest)


def _entered(walk: _Walk, step_id: str, cadence: Cadence) -> _Walk:
    known, step = walk.known, cadence.steps[step_id]
    timing = getattr(step, "timing", None)
    at = _due(timing, known.at) if isinstance(timing, Timing) else known.at
    visit = known.visits.get(step_id, 0) + 1
    acted = dict(known.acted)
    if isinstance(timing, Timing):
        acted.update(dict.fromkeys(_called(step_id, cadence), at))
    known = replace(
        _forgotten(known, step_id) if visit > 1 else known,
        at=at,
        visits={**known.visits, step_id: visit},
        acted=acted,
    )
    return replace(walk, known=known, stops=(*walk.stops, Stop(step=step_id, visit=visit, at=at)))


def _called(step_id: str, cadence: Cadence) -> Iterator[str]:
    """All names by which a condition may mean this step."""
    name: str | None = step_id
    while name is not None:
        yield name
        if name in cadence.written_as:
            yield cadence.written_as[name]
        name = cadence.inside.get(name)


def _forgotten(known: Known, step_id: str) -> Known:
    """A step that is reached again begins anew: what happened on its last visit is past."""
    return replace(
        known,
        happened=frozenset(mark for mark in known.happened if mark[1] != step_id),
        so={task: how for task, how in known.so.items() if task != step_id},
        not_so={task: how for task, how in known.not_so.items() if task != step_id},
    )


def _due(timing: Timing, at: float) -> float:
    if timing.day is not None:
        return max(at, float(timing.day - 1))
    return _after(timing.after, at) if timing.after is not None else at


def _after(gap: Gap, at: float) -> float:
    if gap.days:
        return float(int(at) + gap.days)
    return at + gap.clock.total_seconds() / _DAY_SECONDS


def _is_last(walk: _Walk, cadence: Cadence) -> bool:
    """Whether the cadence ends with the step that was just entered."""
    step_id = walk.stops[-1].step
    step = cadence.steps[step_id]
    if isinstance(step, EndStep) or (step.name == "move_to" and not step.continues()):
        return True
    stuck = step_id not in cadence.following and not step.targets() and not step.lanes()
    return stuck and walk.lanes is None


def _onward(walk: _Walk, step_id: str, cadence: Cadence) -> Iterator[_Walk]:
    """Where it may go from the step that was just entered."""
    step = cadence.steps[step_id]
    following = cadence.next_step(step_id)
    if isinstance(step, BranchStep):
        yield from _decided(walk, step_id, step)
    elif isinstance(step, WaitStep):
        yield from _waited(walk, step, following)
    elif isinstance(step, RepeatStep):
        yield from _again(walk, step_id, step, following)
    elif step.lanes():
        first, *left = step.lanes().values()
        lanes = _Lanes(step=step_id, began=walk.known.at, left=tuple(left))
        yield replace(walk, step=first, lanes=lanes)
    else:
        yield replace(walk, step=following)


def _decided(walk: _Walk, step_id: str, branch: BranchStep) -> Iterator[_Walk]:
    undecided = [(walk.known, walk.known.at)]
    for arm in branch.arms:
        still = []
        for known, decided in undecided:
            for guess in guesses(arm.when, known):
                at = max(decided, guess.at)
                if guess.holds:
                    yield _forked(walk, step_id, arm.go, guess.then, at)
                else:
                    still.append((guess.then, at))
        undecided = still
    for known, at in undecided:
        yield _forked(walk, step_id, branch.otherwise, known, at)


def _forked(walk: _Walk, branch: str, go: str | None, known: Known, at: float) -> _Walk:
    forks = {**walk.forks, branch: go}
    return replace(walk, step=go, known=replace(known, at=at), forks=forks)


def _waited(walk: _Walk, step: WaitStep, following: str | None) -> Iterator[_Walk]:
    known = walk.known
    if step.gap is not None:
        yield replace(walk, step=following, known=_later(known, _after(step.gap, known.at)))
    elif step.until is not None:
        yield replace(walk, step=step.until.missing)
        yield replace(walk, step=following, known=_later(known, known.at + _DATE_DAYS))
    elif step.awaited is not None:
        for guess in guesses(step.awaited.when, known):
            if guess.holds:
                then = guess.then
                if step.awaited.at_most is None:
                    then = replace(then, quiet=known.quiet)  # there is no other way
                yield replace(walk, step=following, known=_later(then, guess.at))
            elif step.awaited.at_most is not None:
                at = _after(step.awaited.at_most, known.at)
                otherwise = step.awaited.otherwise or following
                yield replace(walk, step=otherwise, known=_later(guess.then, at))


def _again(walk: _Walk, step_id: str, step: RepeatStep, following: str | None) -> Iterator[_Walk]:
    done, most = walk.known.rounds.get(step_id, 0), _rounds(step)
    over = replace(walk.known, rounds={**walk.known.rounds, step_id: 0})
    if step.until is not None and done in (1, most):
        came = next((g for g in guesses(step.until, over) if g.holds), None)
        if came is not None:
            quiet = walk.known.quiet if step.at_most is None and done == most else came.then.quiet
            then = replace(came.then, quiet=quiet)
            yield replace(walk, step=following, known=_later(then, came.at))
    at = _after(step.every, walk.known.at) if done else walk.known.at
    if done < most:
        rounds = {**walk.known.rounds, step_id: done + 1}
        known = replace(_later(walk.known, at), rounds=rounds)
        yield replace(walk, step=step.first, known=known)
    elif step.at_most is not None:
        yield replace(walk, step=following, known=_later(over, at))


def _later(known: Known, at: float) -> Known:
    return replace(known, at=max(known.at, at))


def _lane_over(walk: _Walk, cadence: Cadence) -> Iterator[_Walk]:
    """On with the next lane from where they all began, or with what follows them."""
    lanes = walk.lanes
    if lanes is None:
        return
    ended = (*lanes.ended, walk.known.at)
    if lanes.left:
        first, *left = lanes.left
        known = replace(walk.known, at=lanes.began)
        yield replace(
            walk, step=first, known=known, lanes=replace(lanes, left=tuple(left), ended=ended)
        )
        return
    joins_any = getattr(cadence.steps[lanes.step], "join", "all") == "any"
    known = replace(walk.known, at=min(ended) if joins_any else max(ended))
    following = cadence.next_step(lanes.step)
    if following is not None:
        yield replace(walk, step=following, known=known, lanes=None)


def _finished(walk: _Walk) -> Way:
    stops = sorted(walk.stops, key=lambda stop: stop.at)
    return Way(stops=stops, quiet=walk.known.quiet, forks=walk.forks)
