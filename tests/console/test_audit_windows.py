"""Touches are judged by the calendars that were in force when they began."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cadenza.calendars import Window
from cadenza.model import Channel
from cadenza.storage.audit import Judged
from cadenza.storage.calendars_in_force import InForce
from console.audit_windows import UNCLEAR, WindowJudge
from tests.cadenza.calendars.places import ALWAYS, OFFICE, blackout, calendars

EARLY = datetime(2026, 1, 1, tzinfo=UTC)
TUESDAY = datetime(2026, 3, 3, 10, tzinfo=UTC)
BASTILLE = datetime(2026, 7, 14, 10, tzinfo=UTC)


def in_force(since: datetime = EARLY, blackouts: Sequence[Any] = (), **more: Any) -> InForce:
    more = {"windows": {}, **more}
    return InForce(since=since, calendars=calendars(blackouts=blackouts), **more)


def judge(
    began_at: datetime,
    *known: InForce,
    window: Window = OFFICE,
    channel: Channel = Channel.EMAIL,
    service: bool = False,
    **of_touch: Any,
) -> str | None:
    values: dict[str, Any] = {
        **{field.name: None for field in fields(Judged)},  # what windows do not ask for
        "channel": channel,
        "account": "mail",
        "time_zone": "Europe/Paris",
        "country": "FR",
        "began_at": began_at,
        **of_touch,
    }
    touch = Judged(**values)
    return WindowJudge(known or [in_force()]).judge(touch, began_at, window, service=service)


@pytest.mark.parametrize(
    ("began_at", "channel", "window", "broken"),
    [
        (TUESDAY, Channel.EMAIL, OFFICE, None),
        (TUESDAY + timedelta(hours=8), Channel.EMAIL, OFFICE, "outside_window"),
        (BASTILLE, Channel.EMAIL, OFFICE, "on_holiday"),
        (BASTILLE, Channel.EMAIL, ALWAYS, None),
        (BASTILLE, Channel.SMS, ALWAYS, "unlawful_hour"),
        (TUESDAY + timedelta(hours=12), Channel.SMS, ALWAYS, "unlawful_hour"),
    ],
)
def test_each_reason_is_a_rule_of_its_own(
    began_at: datetime, channel: Channel, window: Window, broken: str | None
) -> None:
    assert judge(began_at, channel=channel, window=window) == broken


def test_texts_about_an_order_may_go_when_marketing_may_not() -> None:
    assert judge(BASTILLE, channel=Channel.SMS, window=ALWAYS, service=True) is None


def test_the_country_of_a_number_stands_for_one_that_is_not_known() -> None:
    assert judge(BASTILLE, country=None, phone="+33612345678") == "on_holiday"
    assert judge(BASTILLE, country=None, phone=None) is None


def test_a_foreign_number_is_bound_by_its_law_too() -> None:
    texts: dict[str, Any] = {"channel": Channel.SMS, "window": ALWAYS, "phone": "+13055551234"}
    assert judge(TUESDAY, **texts) == "unlawful_hour"  # 05:00 in Florida
    assert judge(TUESDAY + timedelta(hours=6), **texts) is None
    assert judge(TUESDAY, **texts, service=True) is None


def test_the_region_counts() -> None:
    epiphany = datetime(2026, 1, 6, 10, tzinfo=UTC)
    assert judge(epiphany, country="DE", region="BY") == "on_holiday"
    assert judge(epiphany, country="DE") is None


def test_a_blackout_counts_from_when_it_was_in_force() -> None:
    silent = [blackout(date(2026, 3, 1), date(2026, 3, 31))]
    noon = TUESDAY + timedelta(hours=2)

    assert judge(TUESDAY, in_force(), in_force(noon, silent)) is None
    later = noon + timedelta(minutes=30)
    assert judge(later, in_force(), in_force(noon, silent)) == "in_blackout"
    # While processes change over, either may have been in force.
    assert judge(noon + timedelta(minutes=5), in_force(), in_force(noon, silent)) is None
    # And when it was lifted, it binds no more.
    assert judge(later, in_force(blackouts=silent), in_force(noon)) is None


def test_the_window_of_the_account_binds_too() -> None:
    mornings = Window(weekdays=frozenset(range(7)), opens=0, closes=600, on_holidays=True)
    never = Window(weekdays=frozenset({6}), opens=0, closes=600)
    assert judge(TUESDAY, in_force(windows={"mail": mornings})) == "outside_window"
    assert (
        judge(TUESDAY - timedelta(hours=1, minutes=30), in_force(windows={"mail": mornings}))
        is None
    )
    assert judge(TUESDAY, in_force(windows={"mail": never})) == "outside_window"
    assert judge(TUESDAY, in_force(windows={"another": mornings})) is None


def test_what_other_tables_of_holidays_said_is_not_known() -> None:
    assert judge(BASTILLE, in_force(is_certain=False)) == UNCLEAR
    outside = BASTILLE + timedelta(hours=9)
    assert judge(outside, in_force(is_certain=False)) == "outside_window"


def test_a_touch_that_was_planned_in_another_zone_is_unclear() -> None:
    end_in_paris = datetime(2026, 3, 3, 16, tzinfo=UTC)
    assert judge(TUESDAY, window_end=end_in_paris, time_zone="Asia/Tokyo") == UNCLEAR
    assert judge(end_in_paris, window_end=end_in_paris) == "outside_window"
