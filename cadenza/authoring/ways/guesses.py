"""What a condition may turn out to be on one way, given all that was decided on it before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace

from cadenza.language.conditions import (
    AllHold,
    Condition,
    DispositionIs,
    Happened,
    Reached,
    VariantIs,
)
from cadenza.model import EventType

_DAY_SECONDS = 24 * 3600
_VARIANT = "variant of "
# How tasks go that tell nothing of the prospect; whatever else they are called is an answer.
_NO_ANSWERS = frozenset({"no_answer", "left_voicemail", "sent", "done", "approved", "refused"})


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is settled on a way so far.

    at: now, in days of the cadence from its beginning. acted: step → when it
    last acted. visits: step → how often it was entered. happened: (event,
    step) that came. not_so, so: task or experiment → what it was not, and
    what it was one of. said: what was assumed of any other condition. rounds:
    repeat → which round it is in. quiet: whether the prospect did nothing.
    """

    at: float = 0.0
    acted: Mapping[str, float] = field(default_factory=dict)
    visits: Mapping[str, int] = field(default_factory=dict)
    happened: frozenset[tuple[str, str]] = frozenset()
    not_so: Mapping[str, frozenset[str]] = field(default_factory=dict)
    so: Mapping[str, frozenset[str]] = field(default_factory=dict)
    said: Mapping[str, bool] = field(default_factory=dict)
    rounds: Mapping[str, int] = field(default_factory=dict)
    quiet: bool = True


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One thing that a condition may be. at: when that is known. then: what is settled with it."""

    holds: bool
    at: float
    then: Known


def guesses(condition: Condition, known: Known) -> Iterator[Guess]:
    """All that `condition` may be; at least one."""
    match condition:
        case Reached(step=step, times=times):
            yield Guess(holds=known.visits.get(step, 0) >= times, at=known.at, then=known)
        case AllHold(conditions=conditions):
            yield from _all(conditions, known)
        case Happened():
            yield from _happened(condition, known)
        case DispositionIs(step=task) if task not in known.acted:
            yield Guess(holds=condition.negated, at=known.at, then=known)
        case DispositionIs(step=task, dispositions=wanted):
            yield from _one_of(task, wanted, known, negated=condition.negated)
        case VariantIs(experiment=experiment, variants=wanted):
            yield from _one_of(experiment_key(experiment), wanted, known, negated=condition.negated)
        case _:
            yield from _either(condition, known)


def experiment_key(name: str) -> str:
    """How `Known.so` calls an experiment, so that no task is called the same."""
    return f"{_VARIANT}{name}"


def _all(conditions: Sequence[Condition], known: Known) -> Iterator[Guess]:
    holding = [Guess(holds=True, at=known.at, then=known)]
    for condition in conditions:
        still = []
        for before in holding:
            for guess in guesses(condition, before.then):
                later = replace(guess, at=max(before.at, guess.at))
                if guess.holds:
                    still.append(later)
                else:
                    yield later
        holding = still
    yield from holding


def _either(condition: Condition, known: Known) -> Iterator[Guess]:
    negated = bool(getattr(condition, "negated", False))
    plain = condition
    if negated and is_dataclass(condition):
        plain = replace(condition, negated=False)
    said = repr(plain)
    for holds in (True, False):
        if known.said.get(said, holds) is holds:
            then = replace(known, said={**known.said, said: holds})
            yield Guess(holds=holds != negated, at=known.at, then=then)


def _happened(condition: Happened, known: Known) -> Iterator[Guess]:
    step, negated = condition.step, condition.negated
    if step is not None and step not in known.acted:
        yield Guess(holds=negated, at=known.at, then=known)
        return
    mark = (str(condition.event), step or "")
    came = replace(known, happened=known.happened | {mark}, quiet=False)
    if condition.event is EventType.TASK_DONE:
        came = replace(came, quiet=known.quiet)
    yield Guess(holds=not negated, at=known.at, then=came)
    if mark in known.happened:
        return
    over = known.at
    if condition.within is not None:
        begun = known.acted[step] if step is not None else known.at
        gap = condition.within
        over = max(over, begun + gap.days + gap.clock.total_seconds() / _DAY_SECONDS)
    yield Guess(holds=negated, at=over, then=known)


def _one_of(key: str, wanted: frozenset[str], known: Known, *, negated: bool) -> Iterator[Guess]:
    out = known.not_so.get(key, frozenset())
    maybe = known.so.get(key, wanted) & wanted - out
    if maybe:
        quiet = known.quiet and (key.startswith(_VARIANT) or bool(maybe & _NO_ANSWERS))
        then = replace(known, so={**known.so, key: maybe}, quiet=quiet)
        yield Guess(holds=not negated, at=known.at, then=then)
    if key not in known.so or known.so[key] - wanted:
        then = replace(known, not_so={**known.not_so, key: out | wanted})
        if key in known.so:
            then = replace(then, so={**known.so, key: known.so[key] - wanted})
        yield Guess(holds=negated, at=known.at, then=then)
