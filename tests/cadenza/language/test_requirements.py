"""What a rep must have done, and which statuses may follow which."""

import pytest

from cadenza.language.cadence import Cadence
from cadenza.language.requirements import Facts
from tests.cadenza.planner.courses import cadence, person

HEAD = """
statuses:
  field: Lead_Status
  none: {crm: Aucun}
  greeted: {from: none}
  attempted: {from: [greeted, attempted]}
  closed: {}
require:
  lost: [2 follow-up emails, 1 call]
  won: [3 emails, 2 calls]
  closed: [subject.invoice_date is set, approval of check]
"""
STEPS = "- step: check\n  task: approval\n  wait: none\n- step: done\n  end: won\n"


@pytest.fixture
def course() -> Cadence:
    return cadence(STEPS, header=HEAD)


def facts(emails: int = 0, calls: int = 0, *approvals: str, **subject: str) -> Facts:
    return Facts(
        emails_sent=emails,
        calls_done=calls,
        approvals=frozenset(approvals),
        profile=person(subject=subject),
    )


@pytest.mark.parametrize(
    ("what", "known", "missing"),
    [
        ("lost", facts(), ["2 more follow-up emails", "1 more call"]),
        ("lost", facts(1), ["2 more follow-up emails", "1 more call"]),
        ("lost", facts(2, 1), ["1 more follow-up email"]),
        ("lost", facts(3, 1), []),
        ("lost", facts(9, 9), []),
        ("won", facts(1), ["2 more emails", "2 more calls"]),
        ("closed", facts(), ["a value for `subject.invoice_date`", "the approval of `check`"]),
        ("closed", facts(0, 0, "check", invoice_date=" "), ["a value for `subject.invoice_date`"]),
        ("closed", facts(0, 0, "check", invoice_date="2026-03-02"), []),
    ],
)
def test_what_is_missing_is_named(
    course: Cadence, what: str, known: Facts, missing: list[str]
) -> None:
    told = [requirement.missing(known) for requirement in course.requires[what]]
    assert [text for text in told if text] == missing


def test_statuses_follow_only_those_they_name(course: Cadence) -> None:
    statuses = course.statuses
    assert statuses is not None
    assert (statuses.field, statuses.first) == ("Lead_Status", "none")
    assert statuses.after(None) == statuses.after("none") == ["greeted", "closed"]
    assert statuses.after("greeted") == ["attempted", "closed"]
    assert statuses.after("attempted") == ["attempted", "closed"]
    assert statuses.after("closed") == []
    assert not statuses.may_become(None, "attempted")
    assert not statuses.may_become(None, "unheard-of")


def test_value_in_the_crm_is_the_name_where_nothing_else_is_said(course: Cadence) -> None:
    assert course.statuses is not None
    shown = {name: rule.crm for name, rule in course.statuses.rules.items()}
    assert shown == {
        "none": "Aucun",
        "greeted": "greeted",
        "attempted": "attempted",
        "closed": "closed",
    }
