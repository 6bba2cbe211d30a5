"""What stands before the steps becomes what the engine reads."""

from datetime import timedelta

import pytest

from cadenza.language.cadence import (
    CARRY_ON,
    ColleagueRule,
    EnrollPolicy,
    ExitRule,
    Experiment,
    Overdue,
    Reaction,
)
from cadenza.language.loader import compile_cadence
from cadenza.language.timing import Gap
from cadenza.model import Channel, Outcome
from tests.cadenza.planner.courses import cadence

STEPS = "- step: nudge\n  sms: Hi\n- step: done\n  end: won\n"


def test_what_is_left_out_has_its_defaults() -> None:
    course = cadence(STEPS)
    assert course.locale == "en"
    assert course.enroll == EnrollPolicy()
    assert course.statuses is None
    assert not any([course.values, course.signals, course.requires, course.experiments])
    assert not any([course.segments, course.intents, course.written_as, course.overdue])
    assert course.groups[Channel.WEBHOOK] == "default"


def test_signals_say_what_they_do() -> None:
    header = (
        "signals: {a: start, b: heard, c: end disqualified, d: move to nudge, e: reopen at  nudge}"
    )
    assert cadence(STEPS, header=header).signals == {
        "a": Reaction(action="start"),
        "b": Reaction(action="heard"),
        "c": Reaction(action="end", outcome=Outcome.DISQUALIFIED),
        "d": Reaction(action="move", step="nudge"),
        "e": Reaction(action="reopen", step="nudge"),
    }


def test_step_that_only_a_signal_leads_to_can_be_reached() -> None:
    steps = "- step: one\n  end: won\n- step: two\n  end: lost\n"
    assert "two" in cadence(steps, header="signals: {back: reopen at two}").steps


def test_objective_may_be_a_signal_and_wins() -> None:
    text = f"cadence: trial\nobjective: paid\nsignals: {{paid: heard}}\nsteps:\n{STEPS}"
    paid = compile_cadence({"trial.yaml": text})
    assert paid.objective == "paid"
    assert paid.exits["paid"] == ExitRule(action="stop", outcome=Outcome.WON)


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ("{do: stop}", ExitRule(action="stop", outcome=Outcome.REPLIED)),
        ("{do: stop, outcome: won}", ExitRule(action="stop", outcome=Outcome.WON)),
        ("{do: pause}", ExitRule(action="pause")),
        (
            "{do: continue, colleagues: pause 2 weeks}",
            ExitRule(action="continue", colleagues=ColleagueRule(action="pause", pause_days=14)),
        ),
        (
            "{do: pause, colleagues: stop}",
            ExitRule(action="pause", colleagues=ColleagueRule(action="stop")),
        ),
        ("{do: pause, colleagues: continue}", ExitRule(action="pause", colleagues=CARRY_ON)),
        ("lost", ExitRule(action="stop", outcome=Outcome.LOST)),
    ],
)
def test_exit_rules_have_a_short_and_a_long_form(said: str, rule: ExitRule) -> None:
    assert cadence(STEPS, header=f"exit: {{replied: {said}}}").exits["replied"] == rule


def test_exit_rule_may_name_a_signal_that_is_heard() -> None:
    header = "signals: {silent: heard}\nexit: {silent: {do: stop, outcome: no_response}}"
    rule = cadence(STEPS, header=header).exits["silent"]
    assert rule == ExitRule(action="stop", outcome=Outcome.NO_RESPONSE)


def test_enrollment_has_its_policy() -> None:
    header = """
    enroll:
      identity: [email, email, id]
      again: after 2 weeks
      exclusive: [other, another]
      cooldown: 14 days
      per_day: 50
      active: 2000
      when_full: refuse
    """
    assert cadence(STEPS, header=header).enroll == EnrollPolicy(
        identity=("email", "id"),
        again=timedelta(weeks=2),
        exclusive=frozenset({"other", "another"}),
        cooldown_days=14,
        per_day=50,
        active=2000,
        when_full="refuse",
    )


@pytest.mark.parametrize("word", ["never", "always"])
def test_somebody_may_come_again_or_not(word: str) -> None:
    assert cadence(STEPS, header=f"enroll: {{again: {word}, exclusive: yes}}").enroll == (
        EnrollPolicy(again="never" if word == "never" else "always", exclusive=True)
    )


def test_experiments_and_values_keep_their_order() -> None:
    course = cadence(
        STEPS, header="experiments: {pace: {slow: 1, fast: 3}}\nvalues: {time: 'four  hours'}"
    )
    assert course.experiments == {"pace": Experiment(weights={"slow": 1, "fast": 3})}
    assert [*course.experiments["pace"].weights] == ["slow", "fast"]
    assert course.values == {"time": "four hours"}


@pytest.mark.parametrize(
    ("said", "policy"),
    [
        ("send within 2 days", Overdue(within=Gap(days=2), otherwise="skip")),
        ("send within 1 day, else reflow", Overdue(within=Gap(days=1), otherwise="reflow")),
        ("reflow after 1 week", Overdue(within=Gap(days=5), otherwise="reflow")),
        ("skip after 5 minutes", Overdue(within=Gap(clock=timedelta(minutes=5)), otherwise="skip")),
        ("skip", Overdue(within=None, otherwise="skip")),
        ("reflow", Overdue(within=None, otherwise="reflow")),
    ],
)
def test_touch_may_be_late_in_its_own_way(said: str, policy: Overdue) -> None:
    steps = STEPS.replace("sms: Hi", f"sms: Hi\n  overdue: {said}")
    assert cadence(steps).overdue == {"nudge": policy}


def test_touch_says_what_it_is_for() -> None:
    steps = STEPS.replace(
        "sms: Hi", "sms: Hi\n  purpose: learn\n  cta: answer\n  lever: liking\n  value: time"
    )
    course = cadence(steps, header="values: {time: less of it}")
    intent = course.intents["nudge"]
    assert (intent.purpose, intent.cta, intent.lever, intent.value) == (
        "learn",
        "answer",
        "liking",
        "time",
    )
