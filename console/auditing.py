"""Proves the promises from the ledger alone: no touch began where there was a reason not to.

| rule           | a touch breaks it that began …                                           |
|----------------|--------------------------------------------------------------------------|
| outside_window | when its channel's window was not open in the prospect's zone            |
| over_cap       | beyond what its account may send on a day of the organisation            |
| after_stop     | after its enrollment had finished, or been paused                        |
| to_suppressed  | after its recipient was put on the do-not-contact list                   |
| duplicates     | as the same step to the same recipient as one of another enrollment      |
| early          | before it was due                                                        |
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from cadenza.accounts import Accounts
from cadenza.calendar import Window, local_date, opening
from cadenza.catalog import Catalog
from cadenza.storage import audit as rows
from cadenza.storage.audit import Judged
from cadenza.storage.database import Connection, Database
from cadenza.timespec import day_of, zone_info

RULES = (
    "outside_window",
    "over_cap",
    "after_stop",
    "to_suppressed",
    "duplicates",
    "early",
)
MOST_EXAMPLES = 20

_PAGE = 5_000
_MOMENT = timedelta(microseconds=1)
# Scheduler and worker read different clocks; kept in step, they differ by less.
_CLOCKS_APART = timedelta(seconds=1)


@dataclass(kw_only=True)
class AuditReport:
    """What an audit found.

    touches: how many were judged. counts: rule → touches that break it.
    unclear: touches outside today's window whose prospect has another time
    zone than when they were planned; the ledger cannot tell. examples: rule
    → up to 20 of them, numbers and account names only.
    """

    touches: int = 0
    unclear: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def violations(self) -> int:
        """All of them."""
        return self.counts.total()

    def add(self, rule: str, example: Mapping[str, Any], count: int = 1) -> None:
        """Count what breaks a rule."""
        self.counts[rule] += count
        kept = self.examples.setdefault(rule, [])
        if len(kept) < MOST_EXAMPLES:
            kept.append(example)

    def as_json(self) -> Mapping[str, int]:
        """Rule → count, for every rule."""
        return {rule: self.counts[rule] for rule in RULES}


async def audit(
    database: Database,
    catalog: Catalog,
    accounts: Accounts,
    *,
    first_day: date | None = None,
    last_day: date | None = None,
) -> AuditReport:
    """Judge every touch that began on days of the organisation from `first_day` to `last_day`.

    All of one moment, a page of the ledger at a time.
    """
    zone = accounts.organisation.time_zone
    begin = _begin_of(first_day, zone) if first_day else None
    end = _begin_of(last_day + timedelta(days=1), zone) if last_day else None
    report = AuditReport()
    async with database.snapshot() as db:
        sent = await _judge_pages(db, catalog, report, zone, begin=begin, end=end)
        caps = await rows.caps(db, first_day, last_day)
        repeated = await rows.repeated(db, begin=begin, end=end)
    _judge_days(report, sent, caps, accounts)
    for first, second in repeated:
        report.add("duplicates", {"touch": second, "same_as": first})
    return report


async def _judge_pages(
    db: Connection,
    catalog: Catalog,
    report: AuditReport,
    zone: str,
    *,
    begin: datetime | None,
    end: datetime | None,
) -> Counter[tuple[str, date]]:
    """Judge each touch by itself; returns how many each account sent on each day."""
    sent: Counter[tuple[str, date]] = Counter()
    after = 0
    while True:
        touches = await rows.page(db, after=after, begin=begin, end=end, most=_PAGE)
        await catalog.load(db, {touch.version_id for touch in touches})
        for touch in touches:
            sent[touch.account, day_of(touch.began_at or touch.due_at, zone)] += 1
            if touch.began_at is not None:
                window = catalog[touch.version_id].windows[touch.channel]
                _judge(report, touch, touch.began_at, window)
        report.touches += len(touches)
        if len(touches) < _PAGE:
            return sent
        after = touches[-1].touch_id


def _judge(report: AuditReport, touch: Judged, began_at: datetime, window: Window) -> None:
    if not _is_open(window, touch.time_zone, began_at):
        if _is_of_this_zone(window, touch):
            report.add("outside_window", {"touch": touch.touch_id, "began_at": began_at})
        else:
            report.unclear += 1
    if touch.ended_at is not None and began_at > touch.ended_at:
        example = {"touch": touch.touch_id, "began_at": began_at, "ended_at": touch.ended_at}
        report.add("after_stop", example)
    if touch.suppressed_at is not None and began_at > touch.suppressed_at:
        example = {
            "touch": touch.touch_id,
            "began_at": began_at,
            "suppressed_at": touch.suppressed_at,
        }
        report.add("to_suppressed", example)
    if began_at < max(touch.planned_at, touch.due_at) - _CLOCKS_APART:
        example = {"touch": touch.touch_id, "began_at": began_at, "due_at": touch.due_at}
        report.add("early", example)


def _is_open(window: Window, zone: str, moment: datetime) -> bool:
    hours = opening(window, local_date(moment, zone), zone)
    return hours is not None and hours[0] <= moment < hours[1]


def _is_of_this_zone(window: Window, touch: Judged) -> bool:
    """Whether the touch was planned in the zone that its prospect has today.

    What it was planned into then ends when the window closes there.
    """
    if touch.window_end is None:
        return True
    zone = touch.time_zone
    hours = opening(window, local_date(touch.window_end - _MOMENT, zone), zone)
    return hours is not None and hours[1] == touch.window_end


def _judge_days(
    report: AuditReport,
    sent: Mapping[tuple[str, date], int],
    caps: Mapping[tuple[str, date], int],
    accounts: Accounts,
) -> None:
    for (account, day), count in sorted(sent.items()):
        configured = accounts.account_by_id.get(account)
        cap = caps.get((account, day), configured.limits.per_day if configured else None)
        if cap is not None and count > cap:
            example = {"account": account, "day": day.isoformat(), "touches": count, "cap": cap}
            report.add("over_cap", example, count - cap)


def _begin_of(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), zone_info(zone)).astimezone(UTC)
