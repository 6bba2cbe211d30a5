"""What the exporter reads of the whole deployment at once, from one database snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cadenza.model import Channel, EnrollmentStatus


class BatchState(StrEnum):
    """Where a batch is between its minute and its commit."""

    STAGED = "staged"
    RELEASED = "released"
    CLAIMED = "claimed"


@dataclass(frozen=True, kw_only=True)
class Rollup:
    """One monotone counter of the table `rollup`.

    cadence, step, channel: empty where the metric has none. metric is one of

    - `sent`, `unknown`, `failed`, `skipped`: touches that ended so, in the ledger;
    - `deferred:REASON`: times that a due touch was put back with this reason;
    - `overdue:reflowed`, `overdue:skipped`: touches that came too late, and what became of them;
    - `event:TYPE`: events applied; `machine_opened`, `machine_clicked`: what no person did;
    - `first:TYPE`: touches that got their first event of this type;
    - `task:DISPOSITION`: tasks done so;
    - `enrolled`, `rejected`: rows of enrollment messages;
    - `finished:OUTCOME`: enrollments that ended so.
    """

    cadence: str
    step: str
    channel: str
    metric: str
    value: int


@dataclass(frozen=True, kw_only=True)
class ChannelDepth:
    """What is planned on one channel.

    planned: all that has a due time, due or not. due: those whose due time
    has come and that no batch has taken. oldest_due_age_seconds: how long
    the oldest of these is due, in schedule time; 0 if none is.
    """

    channel: Channel
    planned: int
    due: int
    oldest_due_age_seconds: float


@dataclass(frozen=True, kw_only=True)
class BatchDepth:
    """How many batches are in one state, with how many touches in them."""

    state: BatchState
    batches: int
    touches: int


@dataclass(frozen=True, kw_only=True)
class EnrollmentDepth:
    """How many enrollments of one cadence are active or paused."""

    cadence: str
    status: EnrollmentStatus
    enrollments: int


@dataclass(frozen=True, kw_only=True)
class WaitingDepth:
    """Planned touches of one channel that one rule made later."""

    channel: str
    reason: str
    touches: int


@dataclass(frozen=True, kw_only=True)
class AccountUse:
    """What one sender account sent in its calendar day, and may send; whether it rests."""

    account_id: str
    channel: Channel
    used_today: int
    cap_per_day: int
    rests: bool = False


@dataclass(frozen=True, kw_only=True)
class PipelineOverview:
    """The whole deployment at one moment. Channels, states and so on that are absent count 0.

    inbox_events: stored, not applied. inbox_oldest_age_seconds: since the
    oldest of these was stored, in schedule time; 0 if there is none.
    suppressions: those that forbid everything; marketing_suppressions: sales
    cadences alone. notifications_waiting: owed to owners, not sent and not given up.
    unknown_touches: not reconciled yet. shards_leased: with a lease that
    has not run out. schedule_offset_seconds: schedule time ahead of wall
    time; 0 in production. fence_closed: the database may be a copy, and
    sends nothing.
    waiting: by the rule that made them later.
    """

    rollups: Sequence[Rollup]
    channels: Sequence[ChannelDepth]
    batches: Sequence[BatchDepth]
    enrollments: Sequence[EnrollmentDepth]
    accounts: Sequence[AccountUse]
    inbox_events: int
    inbox_oldest_age_seconds: float
    notifications_waiting: int
    open_tasks: int
    unknown_touches: int
    shards_leased: int
    suppressions: int
    schedule_offset_seconds: float
    fence_closed: bool = False
    marketing_suppressions: int = 0
    waiting: Sequence[WaitingDepth] = ()
