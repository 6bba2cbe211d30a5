"""Lanes, rounds and variants: one list of steps in the end, with what hangs together named."""

import pytest

from cadenza.errors import CadenceError
from cadenza.language.cadence import Cadence
from cadenza.language.variants import Audience
from cadenza.model import Channel
from cadenza.steps.branch import BranchStep
from cadenza.steps.email import EmailStep
from cadenza.steps.task import TaskStep
from tests.cadenza.planner.courses import Walk, cadence, person

WORK = """
- step: work
  parallel:
    one:
      - step: collect
        task: todo
        wait: done
      - step: chase
        repeat:
          - step: nudge
            sms: Hi
          - step: look
            branch:
              - when: clicked nudge
                go: chase
              - else: work
        every: 1 day
        at_most: 2
    two:
      - step: note
        sms: Hello
  go: done
- step: done
  end: won
"""


def test_lists_are_flattened_in_the_order_of_the_file() -> None:
    course = cadence(WORK)
    assert [*course.steps] == ["work", "collect", "chase", "nudge", "look", "note", "done"]
    assert course.first_step() == "work"
    assert course.following == {
        "collect": "chase",
        "nudge": "look",
        "work": "done",
    }
    assert course.lane_of == {
        **dict.fromkeys(["collect", "chase", "nudge", "look"], "one"),
        "note": "two",
    }
    assert course.inside == {
        "collect": "work",
        "chase": "work",
        "nudge": "chase",
        "look": "chase",
        "note": "work",
    }
    assert course.steps["work"].lanes() == {"one": "collect", "two": "note"}
    assert course.steps["chase"].targets() == ("nudge",)


def test_way_to_the_step_around_ends_the_round_or_the_lane() -> None:
    look = cadence(WORK).steps["look"]
    assert isinstance(look, BranchStep)
    assert (look.arms[0].go, look.otherwise) == ("chase", None)
    assert look.ends_lane()


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        # Only a lane leads on to what comes behind a parallel.
        ("- step: a\n  parallel: {x: [{step: b, sms: B}], y: [{step: c, end: won}]}\n", "breaks"),
        (
            "- step: a\n  repeat: [{step: b, sms: B}]\n  every: 1 day\n  at_most: 2\n  go: a\n",
            "no way leads",
        ),
        (
            "- step: a\n  parallel: {x: [{step: b, sms: B}], y: [{step: c, sms: C}]}\n"
            "- step: d\n  branch:\n    - when: clicked b\n      go: a\n    - else: e\n"
            "- step: e\n  end: won\n",
            "loop in which no time passes",
        ),
        (
            "- step: a\n  parallel: {x: [{step: b, sms: B, go: b}], y: [{step: c, sms: C}]}\n"
            "- step: e\n  end: won\n",
            "loop in which no time passes",
        ),
        (
            "- step: a\n  parallel: {x: [{step: b, sms: B, go: a}, {step: z, sms: Z}], "
            "y: [{step: c, sms: C}]}\n- step: e\n  end: won\n",
            "nothing leads to `z`",
        ),
    ],
)
def test_course_is_checked_inside_of_lists_too(steps: str, told: str) -> None:
    with pytest.raises(CadenceError, match=told):
        cadence(steps)


@pytest.mark.parametrize("join", ["all", "any"])
def test_loop_over_a_fork_takes_time_if_what_is_waited_for_does(join: str) -> None:
    steps = (
        "- step: a\n  parallel:\n    x: [{step: b, task: approval, wait: 2 days}]\n"
        f"    y: [{{step: c, sms: C}}]\n  join: {join}\n"
        "- step: d\n  branch:\n    - when: disposition of b is refused\n      go: a\n"
        "    - else: e\n- step: e\n  end: won\n"
    )
    if join == "all":
        assert "a" in cadence(steps).steps
        return
    with pytest.raises(CadenceError, match="no time passes"):
        cadence(steps)


PACE = "experiments: {pace: {daily: 1, spaced: 1}}\n"


def varied(step: str, variants: str, **templates: str) -> Cadence:
    steps = f"{step}  variants: {{pace: {variants}}}\n- step: done\n  end: won\n"
    return cadence(steps, header=PACE, **templates)


def test_step_with_variants_chooses_one_and_all_go_on_alike() -> None:
    course = varied("- step: one\n  sms: Hi\n  day: 3\n", "{daily: {after: 1 day, sms: Ho}}")
    assert [*course.steps] == ["one", "one.daily", "one.spaced", "done"]
    assert course.written_as == {"one.daily": "one", "one.spaced": "one"}
    assert course.following == {"one.daily": "done", "one.spaced": "done"}
    daily, spaced = course.steps["one.daily"], course.steps["one.spaced"]
    assert daily.timing.day is None  # type: ignore[attr-defined]
    assert daily.timing.after is not None  # type: ignore[attr-defined]
    assert spaced.timing.day == 3  # type: ignore[attr-defined]
    walk = Walk(course)
    variant = walk.state.variants["pace"]
    assert walk.to_the_end().steps(Channel.SMS) == [f"one.{variant}"]


def test_variant_may_do_something_else() -> None:
    course = varied(
        "- step: one\n  email: mail\n  thread: new\n  day: 3\n  purpose: learn\n",
        "{daily: {task: call, wait: 1 day, cta: call}}",
    )
    call = course.steps["one.daily"]
    assert isinstance(call, TaskStep)
    assert (call.kind, call.timing.day) == ("call", 3)
    assert isinstance(course.steps["one.spaced"], EmailStep)
    assert course.intents["one.daily"].cta == "call"
    assert course.intents["one.spaced"].cta is None
    assert {intent.purpose for intent in course.intents.values()} == {"learn"}


def test_reply_takes_the_subject_of_the_variant_that_was_sent() -> None:
    other = "---\nsubject: Another word\n---\nHello.\n"
    course = cadence(
        "- step: one\n  email: mail\n  variants: {pace: {daily: {email: other}}}\n"
        "- step: two\n  email: follow\n  thread: reply\n"
        "  variants: {pace: {daily: {after: 2 days}}}\n"
        "- step: three\n  email: follow\n  thread: two\n- step: done\n  end: won\n",
        header=PACE,
        other=other,
    )
    for name in ("two.daily", "two.spaced", "three"):
        step = course.steps[name]
        assert isinstance(step, EmailStep)
        assert step.thread_with == "one"
        subjects = {
            start: step.starts[start].choose(Audience())[1].subject.render(WITH_NAME)  # type: ignore[union-attr]
            for start in step.starts
        }
        assert subjects == {"one.daily": "Another word", "one.spaced": "A word, Zoë"}
        assert step.render(WITH_NAME, begun_by="one.daily").subject == "Re: Another word"
        assert step.render(WITH_NAME, begun_by="one.spaced").subject == "Re: A word, Zoë"


WITH_NAME = {
    "prospect": {"first_name": "Zoë"},
    "owner": {"name": "Maya"},
    "organisation": {"name": "Larkspur", "postal_address": "Kaai 4"},
    "unsubscribe_url": "https://u.example",
}


@pytest.mark.parametrize(
    ("locale", "said"),
    [("fr-CA", "Allô"), ("fr-BE", "Bonjour"), ("de", "Hello"), (None, "Hello"), ("EN-gb", "Hello")],
)
def test_text_is_said_in_the_language_of_whom_it_is_for(locale: str | None, said: str) -> None:
    course = cadence(
        "- step: one\n  sms: {en: Hello, fr: Bonjour, fr-CA: Allô}\n- step: done\n  end: won\n"
    )
    prospect = {"locale": locale} if locale else {}
    step = course.steps["one"]
    assert step.render({"prospect": prospect}) == said  # type: ignore[attr-defined]
    for_party = {"prospect": {"locale": "en"}, "party": {"locale": locale}}
    if locale:
        assert step.render(for_party) == said  # type: ignore[attr-defined]


def test_checklist_may_be_mandatory_and_in_languages() -> None:
    course = cadence(
        "- step: one\n  task: call\n  wait: none\n  for: closers\n"
        "  checklist: [Look, {item: Note, mandatory: yes}, {en: Call, fr: Appeler}]\n"
        "  voicemail: {en: Beep, fr: Bip}\n"
        "- step: done\n  end: won\n"
    )
    spec = course.steps["one"].render({"prospect": {"locale": "fr"}})  # type: ignore[attr-defined]
    assert spec.checklist == ["Look", "Note", "Appeler"]
    assert (spec.mandatory, spec.voicemail, spec.assignee) == (("Note",), "Bip", "closers")


def test_party_without_an_address_is_passed_over() -> None:
    course = cadence("- step: one\n  email: mail\n  to: vendor\n- step: done\n  end: won\n")
    known = person(parties={"vendor": {"name": "Vee", "email": "vee@example.org"}})
    assert Walk(course, known).plan is not None
    assert Walk(course).finished
