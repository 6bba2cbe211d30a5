"""The independent witness: everything received and everything people did, in order."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

from sandbox.clock import ScheduleClock, to_iso

Channel = Literal["email", "sms", "social", "webhook", "rep_mail"]

FLUSH_SECONDS = 0.1


class Received(NamedTuple):
    """One message at the door of one recipient, taken or refused."""

    seq: int
    at_us: int
    wall: float
    channel: Channel
    account: str
    sender: str
    to: str
    key: str
    digest: str
    text_chars: int
    size: int
    rejected: str | None
    note: str | None

    def document(self) -> dict[str, Any]:
        """Return the row as it stands in the file and in the API."""
        return {"type": "received", **self._asdict(), "at": to_iso(self.at_us)}


class Action(NamedTuple):
    """One thing that a person or a provider did about a message, and how it went."""

    seq: int
    at_us: int
    wall: float
    action: str
    person: str
    key: str
    done: bool
    status: str
    detail: str | None

    def document(self) -> dict[str, Any]:
        """Return the row as it stands in the file and in the API."""
        return {"type": "action", **self._asdict(), "at": to_iso(self.at_us)}


class Duplicate(NamedTuple):
    """A message taken although an equal one had been taken before."""

    channel: Channel
    to: str
    by: Literal["key", "digest"]
    seq: int
    first_seq: int


class Ledger:
    """Keeps every row in memory and appends it to a JSON Lines file.

    Rows are on their way to the file at most 100 ms after they were written, and all of them once
    `flush` or `close` has returned.
    """

    def __init__(self, path: Path, clock: ScheduleClock) -> None:
        self._clock = clock
        path.touch(mode=0o600)  # it names people, and may be tried with real ones
        self._file: TextIO = path.open("a", encoding="utf-8")
        self._rows: list[Received | Action] = []
        self._flushed = 0
        self._timer: asyncio.TimerHandle | None = None
        self._seen: dict[tuple[str, str, str, str], int] = {}
        self._distinct: set[tuple[str, str]] = set()
        self.accepted: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.by_account: Counter[tuple[str, str]] = Counter()
        self.actions: Counter[str] = Counter()
        self.failed_actions: Counter[str] = Counter()
        self.distinct_actions: Counter[str] = Counter()
        self.duplicates: list[Duplicate] = []

    def received(
        self,
        channel: Channel,
        *,
        account: str,
        sender: str,
        to: str,
        key: str = "",
        digest: str = "",
        text_chars: int = 0,
        size: int = 0,
        rejected: str | None = None,
        note: str | None = None,
    ) -> Received:
        """Write down one message for one recipient.

        `rejected` is the answer it was refused with; `note` says what else was unusual, such as an
        answer that a fault swallowed.
        """
        row = Received(
            len(self._rows) + 1, self._clock.now_us(), time.time(), channel, account, sender, to,
            key, digest, text_chars, size, rejected, note,
        )  # fmt: skip
        self._append(row)
        if rejected is None:
            self.accepted[channel] += 1
            self.by_account[(channel, account)] += 1
            self._look_for_duplicates(row)
        else:
            self.rejected[channel] += 1
        return row

    def acted(
        self,
        action: str,
        *,
        person: str,
        key: str,
        done: bool,
        status: str,
        detail: str | None = None,
    ) -> None:
        """Write down what somebody did about the message `key`, and the answer they got."""
        row = Action(
            len(self._rows) + 1, self._clock.now_us(), time.time(), action, person, key, done,
            status, detail,
        )  # fmt: skip
        self._append(row)
        if not done:
            self.failed_actions[action] += 1
            return
        self.actions[action] += 1
        if (action, key) not in self._distinct:
            self._distinct.add((action, key))
            self.distinct_actions[action] += 1

    def after(self, seq: int, limit: int) -> Sequence[Received | Action]:
        """Return up to `limit` rows that follow row `seq`, in order."""
        return self._rows[max(seq, 0) : max(seq, 0) + limit]

    def __len__(self) -> int:
        return len(self._rows)

    def flush(self) -> None:
        """Write every row that is not in the file yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows = self._rows[self._flushed :]
        if rows:
            lines = [json.dumps(row.document(), ensure_ascii=False) for row in rows]
            self._file.write("\n".join(lines) + "\n")
            self._file.flush()
            self._flushed += len(rows)

    def close(self) -> None:
        """Write what is left and close the file."""
        self.flush()
        self._file.close()

    def _append(self, row: Received | Action) -> None:
        self._rows.append(row)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def _look_for_duplicates(self, row: Received) -> None:
        self._check(row, "key", row.key)
        # Two notifications to a rep may well say the same: only their Message-ID tells them apart.
        if row.channel != "rep_mail":
            self._check(row, "digest", row.digest)

    def _check(self, row: Received, by: Literal["key", "digest"], value: str) -> None:
        if not value:
            return
        first = self._seen.setdefault((row.channel, row.to, by, value), row.seq)
        if first != row.seq:
            self.duplicates.append(Duplicate(row.channel, row.to, by, row.seq, first))
