"""Telling another system: at once, at any hour, whatever the windows of people are."""

from datetime import UTC, datetime, timedelta

import pytest

from cadenza.errors import CadenceError, MissingVariable
from cadenza.model import Channel
from cadenza.steps.webhook import WebhookStep
from tests.cadenza.planner.courses import Walk, cadence, person

STEPS = """
- step: tell
  webhook: lead.contacted
  after: {after}
  fields: {{email: "{{{{ prospect.email }}}}", note: {{en: "Hi", fr: "Salut"}}}}
- step: done
  end: won
"""
NIGHT = datetime(2026, 3, 7, 22, 15, 30, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("header", "after"), [("", "0 minutes"), ('window: {hours: "09:00-12:00"}', "2 hours")]
)
def test_a_system_is_told_at_once_at_any_hour(header: str, after: str) -> None:
    course = cadence(STEPS.format(after=after), header=header)
    plan = Walk(course, person(time_zone="UTC"), NIGHT).plan
    assert plan is not None
    assert plan.channel is Channel.WEBHOOK
    late = timedelta(hours=2) if after == "2 hours" else timedelta()
    assert plan.due_at == NIGHT + late


def test_a_window_of_its_own_is_kept_to() -> None:
    header = 'window: {webhook: {days: mon-fri, hours: "08:00-10:00"}}'
    course = cadence(STEPS.format(after="0 minutes"), header=header)
    plan = Walk(course, person(time_zone="UTC"), NIGHT).plan
    assert plan is not None
    assert (plan.due_at.weekday(), plan.due_at.hour) in {(0, 8), (0, 9)}


def test_somebody_without_any_address_is_told_of_too() -> None:
    course = cadence(STEPS.format(after="0 minutes"))
    walk = Walk(course, person(email=None, phone=None, profile=None)).to_the_end()
    assert walk.steps() == ["tell"]


def test_fields_are_texts_in_the_prospects_language_and_never_blank() -> None:
    step = cadence(STEPS.format(after="0 minutes")).steps["tell"]
    assert isinstance(step, WebhookStep)
    variables = {"prospect": {"email": "zoe@example.org", "locale": "fr"}}
    assert step.render(variables) == {"email": "zoe@example.org", "note": "Salut"}
    with pytest.raises(MissingVariable, match=r"prospect\.email"):
        step.render({"prospect": {"locale": "fr"}})


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("webhook: Lead Contacted", "write what is told as words with dots"),
        ("webhook: lead.contacted\n  fields: {a b: x}", "`a b` is no name of a field"),
        (
            "webhook: lead.contacted\n  fields: {a: '{{ prospct.x }}'}",
            "nothing is called `prospct`",
        ),
        ("webhook: lead.contacted\n  to: vendor", "no key `to`"),
    ],
)
def test_a_wrong_webhook_is_reported(step: str, problem: str) -> None:
    with pytest.raises(CadenceError) as error:
        cadence(f"- step: tell\n  {step}\n- step: done\n  end: won\n")
    assert problem in str(error.value)
