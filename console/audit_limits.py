"""Judges limits from the ledger: caps, gaps, rests of accounts, and who sends to whom.

| rule            | a touch breaks it that began …                                          |
|-----------------|-------------------------------------------------------------------------|
| over_cap        | beyond what a calendar window allows: of its account, provider, channel, |
|                 | recipient domain, company or the deployment                             |
| over_rolling    | beyond what a rolling window allows, wherever that begins               |
| too_soon        | within its account's gap after the touch before                         |
| from_paused     | while its account rested                                                |
| thread_moved    | from another account than the mail that it answers                      |
| account_changed | from another account of a group than the person was touched from before,|
|                 | though that one could send                                              |

Judged by the cap that was in force where it is still recorded (days of
accounts are for ever), else by today's accounts file.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from cadenza.abc import StepType
from cadenza.accounts import Accounts
from cadenza.limits import LimitRules
from cadenza.model import Channel, EnrollmentId, ProspectId
from cadenza.pacing.caps import Cap
from cadenza.pacing.draws import draw_of
from cadenza.steps.email import EmailStep
from cadenza.storage.account_pauses import Pause
from cadenza.storage.audit import Judged

RULES = (
    "over_cap",
    "over_rolling",
    "too_soon",
    "from_paused",
    "thread_moved",
    "account_changed",
)

# Scheduler, workers and Redis read different clocks; kept in step, they differ by less.
_CLOCKS_APART = timedelta(seconds=1)
_UTMOST = timedelta.max

Place = tuple[str, datetime]


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A rule that `count` touches break, and one of them."""

    rule: str
    example: Mapping[str, Any]
    count: int = 1


class LimitJudge:
    """Hears of every touch, in order of their numbers, and judges at the end.

    in_force: (key, beginning) → cap, as recorded. pauses: of accounts.
    """

    def __init__(
        self, accounts: Accounts, in_force: Mapping[Place, int], pauses: Sequence[Pause]
    ) -> None:
        self._accounts = accounts
        self._rules = LimitRules(accounts)
        self._in_force = in_force
        self._pauses: defaultdict[str, list[Pause]] = defaultdict(list)
        for pause in pauses:
            self._pauses[pause.account].append(pause)
        self._caps: dict[str, Cap] = {}
        self._counts: defaultdict[Place, int] = defaultdict(int)
        self._rolling: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
        self._began: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
        self._senders: defaultdict[tuple[ProspectId, Channel, str], _Senders] = defaultdict(dict)
        self._threads: dict[EnrollmentId, dict[str, str]] = {}
        self._found: list[Broken] = []

    def hear(self, touch: Judged, step: StepType | None) -> None:
        """Take a touch into account. step: the one that it is of."""
        at = touch.began_at or touch.due_at
        self._count(touch, step, at)
        self._follow_thread(touch, step)
        if touch.began_at is None:
            return
        self._began[touch.account].append((at, touch.touch_id))
        account = self._accounts.account_by_id.get(touch.account)
        if account is not None:
            person = (touch.prospect_id, touch.channel, account.group)
            first, last, _ = self._senders[person].get(touch.account, (at, at, 0))
            self._senders[person][touch.account] = (min(first, at), max(last, at), touch.touch_id)
        if any(_rests(pause, at) for pause in self._pauses[touch.account]):
            self._note("from_paused", {"touch": touch.touch_id, "account": touch.account})

    def verdict(self) -> Sequence[Broken]:
        """Everything that is broken."""
        return [
            *self._found,
            *self._over_caps(),
            *self._over_rolling(),
            *self._too_soon(),
            *self._changed_accounts(),
        ]

    def _note(self, rule: str, example: Mapping[str, Any]) -> None:
        self._found.append(Broken(rule=rule, example=example))

    def _count(self, touch: Judged, step: StepType | None, at: datetime) -> None:
        account = self._accounts.account_by_id.get(touch.account)
        if account is None:
            self._count_unknown(touch, at)
            return
        draw = draw_of(account, step, address=touch.recipient, company=touch.company)
        for cap in self._rules.caps(draw):
            self._caps[cap.key] = cap
            if cap.window.earlier:
                self._rolling[cap.key] += [(at, touch.touch_id)] * touch.segments
            else:
                self._counts[cap.key, cap.window.bucket(at)[0]] += touch.segments

    def _count_unknown(self, touch: Judged, at: datetime) -> None:
        """An account that is not in the file any more: its days, as they are recorded."""
        key = f"account:{touch.account}:day"
        starts = [s for k, s in self._in_force if k == key and s <= at < s + timedelta(days=1)]
        if starts:
            self._counts[key, max(starts)] += touch.segments

    def _over_caps(self) -> Iterator[Broken]:
        for (key, start), count in sorted(self._counts.items()):
            cap = self._caps.get(key)
            limit = self._in_force.get((key, start), cap.limit_at(start) if cap else count)
            if count > limit:
                example = {"limit": key, "from": start, "touches": count, "cap": limit}
                yield Broken(rule="over_cap", example=example, count=count - limit)

    def _over_rolling(self) -> Iterator[Broken]:
        for key, moments in sorted(self._rolling.items()):
            cap = self._caps[key]
            span = cap.window.period.span or _UTMOST
            moments.sort()
            for (first, _), (last, touch) in zip(moments, moments[cap.at_most :], strict=False):
                if last - first < span:
                    example = {"touch": touch, "limit": key, "began_at": last, "cap": cap.at_most}
                    yield Broken(rule="over_rolling", example=example)

    def _too_soon(self) -> Iterator[Broken]:
        for account_id, moments in sorted(self._began.items()):
            account = self._accounts.account_by_id.get(account_id)
            if account is None or not account.limits.min_gap:
                continue
            least = account.limits.min_gap - _CLOCKS_APART
            moments.sort()
            for (before, _), (after, touch) in pairwise(moments):
                if after - before < least:
                    example = {"touch": touch, "account": account_id, "after": after - before}
                    yield Broken(rule="too_soon", example=example)

    def _follow_thread(self, touch: Judged, step: StepType | None) -> None:
        if not isinstance(step, EmailStep):
            return
        thread = self._threads.setdefault(touch.enrollment_id, {})
        root = thread.get(step.thread_with) if step.thread_with else None
        if root is not None and root != touch.account:
            example = {"touch": touch.touch_id, "account": touch.account, "thread_from": root}
            self._note("thread_moved", example)
        thread[touch.step] = root or touch.account

    def _changed_accounts(self) -> Iterator[Broken]:
        for (_, channel, group), senders in self._senders.items():
            ordered = sorted((first, account) for account, (first, _, _) in senders.items())
            for (_, before), (since, after) in pairwise(ordered):
                member = self._accounts.account_by_id.get(before)
                if member is None or (member.channel, member.group) != (channel, group):
                    continue
                if not any(p.retired and _rests(p, since) for p in self._pauses[before]):
                    touch = senders[after][2]
                    example = {"touch": touch, "account": after, "before": before}
                    yield Broken(rule="account_changed", example=example)


_Senders = dict[str, tuple[datetime, datetime, int]]


def _rests(pause: Pause, at: datetime) -> bool:
    return pause.paused_at + _CLOCKS_APART < at < (pause.resumed_at or at + _CLOCKS_APART)
