"""A large run on two cores: two halves of the people who have nothing to do with each other.

That gives what one run would give only where no limit holds anything up,
because limits are shared by all. So it is tried, and given up as soon as
one comes near: then one run does it all.
"""

import multiprocessing
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from cadenza.accounts import Accounts, SenderAccount
from cadenza.pacing.grid import grid_of
from console.simulate.figures import Simulation, Tally
from console.simulate.health import History, somebody_rests
from console.simulate.options import SimulateOptions
from console.simulate.pacing import LimitsBind, Used
from console.simulate.people import CheckedRow, identities_of

T = TypeVar("T")

WORTH_IT = 2_000
"""Rows from which on two processes are faster than one."""


def has_two_cores() -> bool:
    """Whether there is a second core, and a cheap way to use it."""
    can_fork = "fork" in multiprocessing.get_all_start_methods()
    return can_fork and hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1


def may_split(options: SimulateOptions) -> bool:
    """Whether halves may be tried at all."""
    policy = options.cadence.enroll
    return (
        len(options.rows) >= WORTH_IT
        and policy.per_day is None
        and policy.active is None
        and all(grid_of(account) is None for account in _senders(options))
        and has_two_cores()
    )


def _senders(options: SimulateOptions) -> Sequence[SenderAccount]:
    """The accounts from which the cadence may send."""
    groups = options.cadence.groups
    return [a for a in options.accounts.accounts if groups.get(a.channel, "default") == a.group]


def in_two(first: Callable[[], T], second: Callable[[], T]) -> tuple[T, T]:
    """Both results; `second` is computed by a copy of this process. Raises what they raise."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(sender, second), daemon=True)
    child.start()
    sender.close()
    try:
        mine = first()
        is_good, theirs = receiver.recv()
    except BaseException:
        child.kill()
        raise
    finally:
        child.join()
        receiver.close()
    if not is_good:
        raise theirs
    return mine, theirs


def _answer(sender: "multiprocessing.connection.Connection", work: Callable[[], object]) -> None:
    try:
        sender.send((True, work()))
    except Exception as error:  # noqa: BLE001 - it is raised on the other side
        sender.send((False, error))
    finally:
        sender.close()


def split(checked: Iterable[CheckedRow]) -> tuple[frozenset[int], frozenset[int]]:
    """The numbers of the rows of two halves; who shares a company or an address is in one."""
    parent: dict[object, object] = {}

    def root(item: object) -> object:
        while (above := parent.setdefault(item, item)) != item:
            parent[item] = parent[above]
            item = above
        return item

    numbers = []
    for row in checked:
        numbers.append(row.number)
        for identity in identities_of(row):
            parent[root(identity)] = root(row.number)
    groups: defaultdict[object, list[int]] = defaultdict(list)
    for number in numbers:
        groups[root(number)].append(number)
    halves: tuple[list[int], list[int]] = ([], [])
    for group in groups.values():
        min(halves, key=len).extend(group)
    return frozenset(halves[0]), frozenset(halves[1])


def joined(accounts: Accounts, halves: Sequence[tuple[Simulation, Used]]) -> Simulation:
    """One result out of two. Raises LimitsBind if a limit would have been in the way."""
    histories: defaultdict[str, list[History]] = defaultdict(list)
    for _, half in halves:
        for account, history in half.histories.items():
            histories[account].append(history)
    if any(somebody_rests(accounts, each, account) for account, each in histories.items()):
        raise LimitsBind
    used: Counter[tuple[object, ...]] = Counter()
    most: dict[tuple[object, ...], int] = {}
    for _, half in halves:
        used.update(half.counts)
        most.update(half.most)
    if any(count > most[key] for key, count in used.items()):
        raise LimitsBind
    first, second = (simulation for simulation, _ in halves)
    return Simulation(
        cadence=first.cadence,
        start=first.start,
        days=first.days,
        seed=first.seed,
        rows=first.rows,
        enrolled=first.enrolled + second.enrolled,
        refused=Counter(first.refused) + Counter(second.refused),
        tally=_both(first.tally, second.tally).in_order(),
        active=first.active + second.active,
        paused=first.paused + second.paused,
        waiting=Counter(first.waiting) + Counter(second.waiting),
        steps=first.steps,
        zone=first.zone,
    )


def _both(one: Tally, other: Tally) -> Tally:
    return Tally(
        touches=one.touches + other.touches,
        tasks=one.tasks + other.tasks,
        ends=one.ends + other.ends,
        rests=one.rests + other.rests,
        enrolled=one.enrolled + other.enrolled,
        deferred=one.deferred + other.deferred,
        events=one.events + other.events,
        skipped=one.skipped + other.skipped,
        held=one.held + other.held,
        moved_on=one.moved_on + other.moved_on,
    )
