from datetime import UTC, datetime, timedelta

import pytest

from cadenza.accounts import Organisation
from cadenza.calendars import Days
from cadenza.course.overdue import DEFAULT, Late, when_late
from cadenza.language.cadence import Cadence, Overdue
from cadenza.language.overdue import parse_overdue
from tests.cadenza.calendars.places import calendars
from tests.cadenza.planner.courses import cadence

FRIDAY = datetime(2026, 3, 6, 9, tzinfo=UTC)
STEPS = """
- step: hello
  email: mail
- step: urgent
  email: mail
  after: 1 day
  overdue: skip
- step: patient
  email: mail
  after: 1 day
  overdue: send within 2 days
- step: anew
  email: mail
  after: 1 day
  overdue: reflow after 4 hours
- step: done
  end: no_response
"""


@pytest.fixture(scope="module")
def course() -> Cadence:
    return cadence(STEPS)


def late(course: Cadence, step: str, by: timedelta, standard: Overdue | None = None) -> Late:
    return when_late(
        course,
        step,
        due_at=FRIDAY,
        now=FRIDAY + by,
        zone="Europe/Paris",
        calendar=calendars().at("FR"),
        standard=standard,
    )


@pytest.mark.parametrize(
    ("step", "hours", "then"),
    [
        ("urgent", 1, Late.SEND),
        ("urgent", 1.01, Late.SKIP),
        ("patient", 4 * 24, Late.SEND),  # two business days: until Tuesday, the same time
        ("patient", 4 * 24 + 0.1, Late.SKIP),
        ("anew", 4, Late.SEND),
        ("anew", 4.1, Late.REFLOW),
        ("hello", 3 * 24, Late.SEND),  # one business day
        ("hello", 3 * 24 + 0.1, Late.REFLOW),
    ],
)
def test_how_late_a_touch_may_be_is_what_its_step_says(
    course: Cadence, step: str, hours: float, then: Late
) -> None:
    assert late(course, step, timedelta(hours=hours)) is then


def test_what_no_step_says_is_said_by_the_cadence_then_by_the_organisation(
    course: Cadence,
) -> None:
    strict = cadence(STEPS, header="overdue: skip\n")
    of_organisation = Overdue(within=None, otherwise="skip")

    assert late(strict, "hello", timedelta(hours=2)) is Late.SKIP
    assert late(strict, "patient", timedelta(hours=2)) is Late.SEND
    assert late(course, "hello", timedelta(hours=2), of_organisation) is Late.SKIP
    assert late(course, "patient", timedelta(hours=2), of_organisation) is Late.SEND
    assert late(course, "hello", timedelta(hours=2)) is Late.SEND
    assert DEFAULT.otherwise == "reflow"


def test_the_accounts_file_says_it_in_the_same_words() -> None:
    said = Organisation.model_validate(
        {"name": "N", "postal_address": "1 Quay", "overdue": "send within 3 days, else reflow"}
    )

    assert said.overdue == parse_overdue("send within 3 days, else reflow", Days.CALENDAR)
    with pytest.raises(ValueError, match="write `send within 2 days`"):
        Organisation.model_validate(
            {"name": "N", "postal_address": "1 Quay", "overdue": "whenever"}
        )
