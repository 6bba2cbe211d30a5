"""What each kind of condition says of an enrollment."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from cadenza.abc import Standing
from cadenza.calendars import Days
from cadenza.language.cadence import Cadence
from cadenza.language.conditions import AllHold, Happened, SignalCame
from cadenza.language.loader import compile_cadence
from cadenza.language.when import LONGEST, condition_types, parse_when
from cadenza.model import EnrollmentState, EnrollmentStatus, Profile
from tests.cadenza.planner.courses import DAY, HOUR, MAIL, MONDAY, cadence, person

STEPS = """
- step: intro
  email: mail
  variants: {pace: {fast: {after: 1 day}}}
- step: work
  parallel:
    one: [{step: ring, task: call, wait: done}]
    two: [{step: nod, task: approval, wait: done}]
- step: done
  end: won
"""
HEAD = """
signals: {paid: heard}
statuses: {field: Status, none: {}, called: {}}
experiments: {pace: {slow: 1, fast: 1}}
segments: {region: {by: prospect.country, table: segments/regions.csv}}
"""


def course() -> Cadence:
    return compile_cadence(
        {
            "cadence.yaml": f"cadence: trial\nobjective: goal\n{HEAD}steps:{STEPS}",
            "templates/mail.liquid": MAIL,
            "segments/regions.csv": "country,name\nFR,EMEA\nUS,North America\n",
        }
    )


COURSE = course()


def standing(
    history: dict[str, dict[str, datetime]] | None = None,
    *,
    now: datetime = MONDAY,
    profile: Profile | None = None,
    **state: Any,
) -> Standing:
    known = EnrollmentState(
        status=EnrollmentStatus.ACTIVE,
        outcome=None,
        step="done",
        visit=1,
        visits={"done": 1, "intro": 2},
        started_at=MONDAY,
        reached_at=MONDAY,
        reached_day=1,
        history=history or {},
    )
    return Standing(
        cadence=COURSE,
        state=replace(known, **state),
        profile=profile or person(),
        now=now,
    )


def holds(sentence: str, at: Standing) -> bool | None:
    return parse_when(sentence, Days.CALENDAR).judge(at).holds


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("clicked intro", True),
        ("clicked intro.fast", True),
        ("clicked intro.slow", False),
        ("clicked", True),
        ("opened intro", False),
        ("raw opened intro", True),
        ("raw clicked intro", False),
        ("not clicked intro", False),
        ("clicked intro within 1 hour", False),
        ("clicked intro within 3 hours", True),
        ("intro reached 2 times", True),
        ("intro reached 3 times", False),
        ("disposition of ring is connected", True),
        ("disposition of work is connected", True),
        ("disposition of work is approved", False),
        ("disposition of ring is not no_answer", True),
        ("done work", True),
    ],
)
def test_name_of_a_step_means_its_variants_and_what_stands_inside_it(
    sentence: str, expected: bool
) -> None:
    done = {"task_done": MONDAY, "disposition:connected": MONDAY}
    at = standing(
        {
            "intro.fast": {
                "sent": MONDAY,
                "clicked": MONDAY + 2 * HOUR,
                "raw:opened": MONDAY + HOUR,
            },
            "ring": {"opened_task": MONDAY, **done},
        },
        now=MONDAY + 4 * HOUR,
    )
    assert holds(sentence, at) is expected


@pytest.mark.parametrize(
    ("at", "paid", "in_time"),
    [(None, False, None), (1, True, True), (3, True, False)],
)
def test_signal_counts_from_when_the_step_was_reached(
    at: int | None, paid: bool, in_time: bool | None
) -> None:
    history = {} if at is None else {"": {"paid": MONDAY + at * DAY}}
    now = MONDAY + DAY if at is None else MONDAY + 4 * DAY
    assert holds("paid", standing(history, now=now)) is paid
    assert holds("not paid", standing(history, now=now)) is not paid
    assert holds("paid within 2 days", standing(history, now=now)) is in_time


def test_colleague_is_looked_back_for_and_never_waited_for() -> None:
    history = {"": {"colleague_replied": MONDAY - 20 * DAY}}
    assert holds("colleague replied", standing(history)) is True
    assert holds("colleague replied within 30 days", standing(history)) is True
    assert holds("colleague replied within 10 days", standing(history)) is False
    assert holds("colleague replied within 10 days", standing()) is False
    assert holds("colleague meeting booked", standing(history)) is False
    again = {"": {**history[""], "latest:colleague_replied": MONDAY - DAY}}
    assert holds("colleague replied within 10 days", standing(again)) is True


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("prospect.country is fr or be", True),
        ("prospect.country is not FR", False),
        ("prospect.title is missing", True),
        ("prospect.title is not missing", False),
        ("prospect.company is set", True),
        ("company.name is Larkspur", True),
        ("company.size is at least 200", True),
        ("company.size is at least 201", False),
        ("company.size is below 200.5", True),
        ("subject.amount is below 50", False),
        ("subject.amount is at least 50", False),
        ("subject.kind is cart", True),
        ("subject.paid is true", True),
        ("segment.region is EMEA or Asia", True),
        ("segment.region is not emea", False),
        ("segment.region is set", True),
        ("segment.region is missing", False),
    ],
)
def test_fields_of_prospect_company_and_subject(sentence: str, expected: bool) -> None:
    profile = person(
        company={"name": "Larkspur", "size": 200},
        subject={"kind": "Cart", "amount": "many", "paid": True},
    )
    assert holds(sentence, standing(profile=profile)) is expected


def test_who_is_in_no_row_is_in_no_segment() -> None:
    at = standing(profile=person(country=None))
    assert holds("segment.region is missing", at) is True
    assert holds("segment.region is not EMEA", at) is True


def test_variant_and_status_are_those_of_the_enrollment() -> None:
    at = standing(variants={"pace": "fast"})
    assert holds("variant of pace is fast", at) is True
    assert holds("variant of pace is not fast", at) is False
    assert holds("status is none", at) is True
    assert holds("status is called or none", standing(crm_status="called")) is True
    assert holds("status is not called", standing(crm_status="called")) is False


def test_all_of_a_list_have_to_hold() -> None:
    days = Days.CALENDAR
    parts = [parse_when(text, days) for text in ("paid within 2 days", "prospect.country is FR")]
    both = AllHold(conditions=parts)
    assert both.judge(standing(now=MONDAY)).holds is None
    assert both.judge(standing({"": {"paid": MONDAY + DAY}}, now=MONDAY + DAY)).holds is True
    abroad = both.judge(standing(now=MONDAY, profile=person(country="BE")))
    assert (abroad.holds, abroad.at) == (False, MONDAY)
    late = both.judge(standing(now=MONDAY + 3 * DAY))
    assert (late.holds, late.at) == (False, MONDAY + 2 * DAY)
    assert both.takes_time()


def test_judging_later_says_the_same() -> None:
    early, late = MONDAY + 2 * DAY, MONDAY + timedelta(days=40)
    for kind in condition_types():
        for sentence in kind.examples:
            condition = parse_when(sentence, Days.CALENDAR)
            first = condition.judge(standing(now=early))
            if first.holds is not None:
                assert condition.judge(standing(now=late)) == first


def test_every_kind_reads_its_own_examples_and_no_other_kind_does() -> None:
    for kind in condition_types():
        for sentence in kind.examples:
            read = [k for k in condition_types() if k.read(sentence, Days.BUSINESS) is not None]
            assert read == [kind]


def test_words_of_events_are_no_signals() -> None:
    assert type(parse_when("accepted within 2 days", Days.BUSINESS)) is Happened
    assert type(parse_when("payment_made", Days.BUSINESS)) is SignalCame


@pytest.mark.parametrize("text", ["", "x" * (LONGEST + 1), "not", "within 2 days", "a is b is"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"condition"):
        parse_when(text, Days.BUSINESS)


def test_cadence_of_plain_steps_needs_no_forms() -> None:
    plain = cadence("- step: done\n  end: won\n")
    assert plain.forms_of("done") == ("done",)
    assert COURSE.forms_of("work") == ("work", "ring", "nod")
    assert COURSE.forms_of("intro") == ("intro", "intro.slow", "intro.fast")
