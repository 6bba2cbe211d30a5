"""How steps render what leaves."""

from datetime import timedelta

import pytest

from cadenza.errors import MissingVariable, RenderError
from cadenza.language.template import Variables
from cadenza.model import TaskSpec
from cadenza.steps.email import EmailStep
from cadenza.steps.sms import SmsStep
from cadenza.steps.social import SocialStep
from cadenza.steps.task import TaskStep
from tests.cadenza.planner.courses import cadence

VARIABLES: Variables = {
    "prospect": {"first_name": "Zoë"},
    "owner": {"name": "Maya"},
    "organisation": {"name": "Larkspur", "postal_address": "Kaai 4"},
    "unsubscribe_url": "https://u.example",
}


def with_name(name: str) -> Variables:
    return {**VARIABLES, "prospect": {"first_name": name}}


def threads() -> dict[str, EmailStep]:
    course = cadence(
        """
        - step: intro
          email: mail
        - step: second
          email: follow
          thread: reply
        - step: third
          email: follow
          thread: reply
        - step: other
          email: mail
        - step: back
          email: follow
          thread: third
        - step: fresh
          email: mail
          thread: new
        - step: done
          end: won
        """
    )
    return {name: step for name, step in course.steps.items() if isinstance(step, EmailStep)}


def test_mails_reply_in_the_thread_that_they_name() -> None:
    found = {name: step.thread_with for name, step in threads().items()}
    assert found == {
        "intro": None,
        "second": "intro",
        "third": "intro",
        "other": None,
        "back": "intro",
        "fresh": None,
    }


def test_reply_has_the_subject_of_its_thread() -> None:
    steps = threads()
    assert steps["intro"].render(VARIABLES).subject == "A word, Zoë"
    assert steps["third"].render(VARIABLES).subject == "Re: A word, Zoë"
    assert steps["third"].render(VARIABLES).text.startswith("A follow-up.")


def test_reply_begins_the_thread_itself_where_nothing_was_sent_before() -> None:
    assert threads()["third"].render(VARIABLES, in_thread=False).subject == "A word, Zoë"


def sms(text: str) -> SmsStep:
    step = cadence(f"- step: text\n  sms: {text}\n- step: done\n  end: won\n").steps["text"]
    assert isinstance(step, SmsStep)
    return step


def test_text_message_has_no_control_characters_but_line_breaks() -> None:
    step = sms("|\n    Hi {{ prospect.first_name }},\n    shall we talk?")
    assert step.render(with_name("Zoë\r\x00")) == "Hi Zoë  ,\nshall we talk?"


def test_text_message_that_is_too_long_or_empty_is_held() -> None:
    with pytest.raises(RenderError, match="over 1600"):
        sms('"{{ prospect.first_name }}"').render(with_name("x" * 1601))
    with pytest.raises(RenderError, match="empty"):
        sms("\"{{ prospect.x | default: '' }}\"").render(VARIABLES)
    with pytest.raises(MissingVariable):
        sms('"{{ prospect.x }}"').render(VARIABLES)


def social(yaml: str) -> SocialStep:
    step = cadence(f"- step: hello\n  social: {yaml}\n- step: done\n  end: won\n").steps["hello"]
    assert isinstance(step, SocialStep)
    return step


def test_invitation_may_go_without_a_text_and_with_300_characters_at_most() -> None:
    assert social("connect").render(VARIABLES) == ""
    step = social('connect\n  text: "{{ prospect.first_name }}"')
    assert (step.network, step.action) == ("linkedin", "connect")
    assert step.render(with_name("x" * 300)) == "x" * 300
    with pytest.raises(RenderError, match="over 300"):
        step.render(with_name("x" * 301))


def test_message_may_be_long() -> None:
    step = social('message\n  text: "{{ prospect.first_name }}"')
    assert len(step.render(with_name("x" * 8000))) == 8000


def task(yaml: str) -> TaskSpec:
    step = cadence(f"- step: ring\n  task: {yaml}\n- step: done\n  end: won\n").steps["ring"]
    assert isinstance(step, TaskStep)
    return step.render(VARIABLES)


def test_task_is_rendered_for_its_owner() -> None:
    spec = task(
        'call\n  wait: 2 days\n  title: "Call {{ prospect.first_name }}"\n'
        "  script: |\n    Hello {{ prospect.first_name }},\n\n    it is {{ owner.name }}.\n"
        "  checklist: ['Look up {{ prospect.first_name }}', Note it]\n"
        "  dispositions: [connected, connected, no_answer]\n  due: 4 hours"
    )
    assert spec == TaskSpec(
        kind="call",
        title="Call Zoë",
        script="Hello Zoë,\n\nit is Maya.",
        checklist=["Look up Zoë", "Note it"],
        dispositions=("connected", "no_answer"),
        due_in=timedelta(hours=4),
    )


def test_task_has_a_title_dispositions_and_a_time_of_its_own() -> None:
    spec = task("direct_mail\n  wait: none")
    assert spec == TaskSpec(
        kind="direct_mail",
        title="direct mail",
        script="",
        checklist=[],
        dispositions=("sent",),
        due_in=timedelta(days=1),
    )
