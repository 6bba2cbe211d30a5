"""How well real reports are told apart."""

from collections import Counter
from functools import cache

import pytest

from events.mailbox.interpret import Kind, classify
from events.mailbox.mail import Mail
from events.mailbox.recipients import Box
from tests.events.mailbox.corpus import Labelled, bounces

# The file says "mailbox is full" and the label "user unknown"; the file says "5.1.1 User Unknown"
# and the label "mailbox full"; and a label that its publishers have since changed to ours.
_WRONG_LABELS = frozenset(("lhost-kddi-02.eml", "rfc3464-01.eml", "lhost-mcafee-05.eml"))

_AGREE = {
    "hard": {Kind.HARD_BOUNCE},
    "soft": {Kind.SOFT_BOUNCE, Kind.DELAYED},  # warnings are labelled soft too
}


@cache
def _kind(one: Labelled, *, null_sender: bool) -> Kind:
    return classify(Mail.of(one.raw), Box.BOUNCE, null_sender=null_sender).kind


@pytest.fixture(params=[True, False], ids=["null sender", "some sender"])
def null_sender(request: pytest.FixtureRequest) -> bool:
    """Reports should come from the null sender; many do not."""
    return bool(request.param)


def test_hard_and_soft_bounces_are_told_apart(null_sender: bool) -> None:
    labelled = [one for one in bounces() if one.kind in _AGREE]
    assert len(labelled) == 264
    wrong = {
        one.name for one in labelled if _kind(one, null_sender=null_sender) not in _AGREE[one.kind]
    }
    assert len(wrong) / len(labelled) <= 0.04, sorted(wrong)
    right = [one for one in labelled if one.name not in _WRONG_LABELS]
    assert len(wrong - _WRONG_LABELS) / len(right) <= 0.03, sorted(wrong)


def test_every_bounce_is_known_for_one(null_sender: bool) -> None:
    kinds = {
        one.name: _kind(one, null_sender=null_sender) for one in bounces() if one.kind in _AGREE
    }
    reports = {Kind.HARD_BOUNCE, Kind.SOFT_BOUNCE, Kind.DELAYED}
    assert {name: kind for name, kind in kinds.items() if kind not in reports} == {}


def test_nothing_in_it_is_taken_for_a_reply_of_a_person() -> None:
    kinds = Counter(_kind(one, null_sender=True) for one in bounces())
    assert kinds[Kind.REPLY] == 0


def test_nor_if_programs_report_from_ordinary_senders() -> None:
    kinds = Counter(_kind(one, null_sender=False) for one in bounces())
    assert kinds[Kind.REPLY] == 0


def test_complaints_and_automatic_answers_are_known(null_sender: bool) -> None:
    kinds = {
        one.name: _kind(one, null_sender=null_sender) for one in bounces() if one.kind not in _AGREE
    }
    expected = {
        one.name: {
            "complaint": Kind.COMPLAINT,
            "auto_reply": Kind.AUTO_REPLY,
            "delivered": Kind.DELIVERED,
        }[one.kind]
        for one in bounces()
        if one.kind not in _AGREE
    }
    # Two are mails of a web service that hold JSON: automatic, and nobody's touch can get them.
    different = {name for name in kinds if kinds[name] is not expected[name]}
    assert different == {"lhost-amazonses-11.eml", "lhost-amazonses-12.eml"}
    assert {kinds[name] for name in different} == {Kind.AUTO_REPLY}
