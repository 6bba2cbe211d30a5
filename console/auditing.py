"""Proves the promises from the ledger alone: no touch began where there was a reason not to.

| rule           | a touch breaks it that began …                                           |
|----------------|--------------------------------------------------------------------------|
| outside_window | when its channel's window was not open in the prospect's zone            |
| on_holiday     | on a holiday of the prospect's country or region, or of a calendar       |
| in_blackout    | in a blackout                                                            |
| unlawful_hour  | as a marketing text, when the law of the place forbids them              |
| over_cap …     | beyond a limit: see `audit_limits`                                       |
| after_stop     | after its enrollment had finished or been paused, whatever came later    |
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
from cadenza.catalog import Catalog
from cadenza.storage import account_pauses, calendars_in_force
from cadenza.storage import audit as rows
from cadenza.storage.audit import Judged
from cadenza.storage.database import Connection, Database
from cadenza.timespec import zone_info
from console.audit_limits import RULES as RULES_OF_LIMITS
from console.audit_limits import LimitJudge
from console.audit_windows import RULES as RULES_OF_WINDOWS
from console.audit_windows import UNCLEAR, WindowJudge

RULES = (
    *RULES_OF_WINDOWS.values(),
    *RULES_OF_LIMITS,
    "after_stop",
    "to_suppressed",
    "duplicates",
    "early",
)
MOST_EXAMPLES = 20

_PAGE = 5_000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# Scheduler and worker read different clocks; kept in step, they differ by less.
_CLOCKS_APART = timedelta(seconds=1)


@dataclass(kw_only=True)
class AuditReport:
    """What an audit found.

    touches: how many were judged. counts: rule → touches that break it.
    unclear: touches at hours that are closed, whose prospect has another
    time zone than when they were planned, or for whose place other tables
    of holidays and laws were in use; the ledger cannot tell. examples: rule
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
        known = await calendars_in_force.all_of(db)
        windows = WindowJudge(known or [calendars_in_force.of_today(accounts, _LONG_AGO)])
        pauses = await account_pauses.history(db, begin)
        limits = LimitJudge(accounts, await rows.caps(db), pauses)
        await _judge_pages(db, catalog, windows, limits, report, begin=begin, end=end)
        repeated = await rows.repeated(db, begin=begin, end=end)
    for broken in limits.verdict():
        report.add(broken.rule, broken.example, broken.count)
    for first, second in repeated:
        report.add("duplicates", {"touch": second, "same_as": first})
    return report


async def _judge_pages(
    db: Connection,
    catalog: Catalog,
    windows: WindowJudge,
    limits: LimitJudge,
    report: AuditReport,
    *,
    begin: datetime | None,
    end: datetime | None,
) -> None:
    """Judge each touch by itself, and let the judge of limits hear of it."""
    after = 0
    while True:
        touches = await rows.page(db, after=after, begin=begin, end=end, most=_PAGE)
        await catalog.load(db, {touch.version_id for touch in touches})
        for touch in touches:
            limits.hear(touch, catalog[touch.version_id].steps.get(touch.step))
            if touch.began_at is not None:
                cadence = catalog[touch.version_id]
                window, service = cadence.windows[touch.channel], cadence.service
                broken = windows.judge(touch, touch.began_at, window, service=service)
                _judge(report, touch, touch.began_at, broken)
        report.touches += len(touches)
        if len(touches) < _PAGE:
            return
        after = touches[-1].touch_id


def _judge(report: AuditReport, touch: Judged, began_at: datetime, broken: str | None) -> None:
    """broken: what the judge of windows says."""
    if broken == UNCLEAR:
        report.unclear += 1
    elif broken is not None:
        report.add(broken, {"touch": touch.touch_id, "began_at": began_at})
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


def _begin_of(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), zone_info(zone)).astimezone(UTC)
