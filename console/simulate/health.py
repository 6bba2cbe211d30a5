"""Accounts that pause by themselves because too much comes back: `judge_health` in memory."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cadenza.accounts import Accounts, Record, SenderAccount
from console.simulate.figures import Rest, Tally


@dataclass
class History:
    """What an account sent and when, in order; and what came back: (when it was told, sent when).

    judged: when it was looked at.
    """

    sent: list[datetime] = field(default_factory=list)
    bounced: list[tuple[datetime, datetime]] = field(default_factory=list)
    judged: list[datetime] = field(default_factory=list)

    def record(self, account: SenderAccount, now: datetime) -> Record:
        """What is known of its window at `now`."""
        since = now - account.health.window
        return Record(
            sent=bisect_right(self.sent, now) - bisect_left(self.sent, since),
            bounced=sum(1 for told, sent in self.bounced if told <= now and sent >= since),
            complained=0,
        )


class Health:
    """What came of each account's touches. resting: those that are paused; nobody resumes them.

    only_watching: nobody is paused; `histories` tells afterwards who would have been.
    """

    def __init__(self, accounts: Accounts, tally: Tally, *, only_watching: bool) -> None:
        self._accounts = accounts
        self._tally = tally
        self._only_watching = only_watching
        self.histories: defaultdict[str, History] = defaultdict(History)
        self._told: set[tuple[int, str, int]] = set()
        self._concerned: set[str] = set()
        self.resting: set[str] = set()

    def left(self, account: str, at: datetime) -> None:
        """A touch began to leave."""
        self.histories[account].sent.append(at)

    def bounced(
        self,
        account: str,
        touch: tuple[int, str, int],
        at: datetime,
        now: datetime,
        *,
        refused: bool,
    ) -> None:
        """A touch that began at `at` came back; refused: its body never left."""
        if touch in self._told:
            return
        self._told.add(touch)
        if refused:
            self.histories[account].sent.append(at)
        self.histories[account].bounced.append((now, at))
        self._concerned.add(account)

    def judge(self, now: datetime) -> None:
        """Let those rest of whom there was word since the last time, and who have too much."""
        for name in sorted(self._concerned - self.resting):
            history, account = self.histories[name], self._accounts.account_by_id[name]
            history.judged.append(now)
            if self._only_watching:
                continue
            record = history.record(account, now)
            objection = account.health.objection(record)
            if objection is not None:
                self.resting.add(name)
                self._tally.rests.append(Rest(name, now, objection, record.bounced, record.sent))
        self._concerned.clear()


def somebody_rests(accounts: Accounts, histories: Iterable[History], account: str) -> bool:
    """Whether an account would have been paused, if all of `histories` were its own."""
    several = list(histories)
    whole = History(
        sent=sorted(at for history in several for at in history.sent),
        bounced=[pair for history in several for pair in history.bounced],
    )
    known = accounts.account_by_id[account]
    judged = {now for history in several for now in history.judged}
    return any(known.health.objection(whole.record(known, now)) is not None for now in judged)
