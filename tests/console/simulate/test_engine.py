"""The simulation itself: who goes which way, and when."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from cadenza.accounts import Accounts
from cadenza.model import Outcome
from console.simulate import halves, simulate
from console.simulate.moments import Agenda, Moments
from console.simulate.pacing import LimitsBind
from console.simulate.people import check
from sandbox.response import ResponseModel
from sandbox.settings import Rates
from tests.console.simulate.runs import (
    CADENCE,
    cadence_file,
    cadence_of,
    demo_accounts,
    keys,
    options,
    people,
)

SILENT = Rates(
    opened=0, clicked=0, reply=0, out_of_office=0, hard_bounce=0, soft_bounce=0, unsubscribe=0,
    sms_stop=0, sms_reply=0, sms_undelivered=0,
)  # fmt: skip
NOBODY_ANSWERS = ResponseModel(rates=SILENT, dispositions={"call": {"no_answer": 1}})


def test_everybody_who_answers_nothing_gets_every_touch_and_ends_without_response(
    tmp_path: Path,
) -> None:
    simulation = simulate(options(tmp_path, response=NOBODY_ANSWERS))
    assert Counter(touch.step for touch in simulation.tally.touches) == {
        "hello": 60,
        "text": 60,
        "again": 60,
    }
    assert {end.outcome for end in simulation.tally.ends} == {Outcome.NO_RESPONSE}
    assert (len(simulation.tally.ends), simulation.active, simulation.enrolled) == (60, 0, 60)
    assert len(simulation.tally.tasks) == 60


def test_touches_lie_in_the_prospects_window_and_begin_at_the_end_of_their_step(
    tmp_path: Path,
) -> None:
    for touch in simulate(options(tmp_path)).tally.touches:
        local = touch.due_at + timedelta(hours=1 if touch.due_at.month == 3 else 2)
        assert touch.due_at.weekday() < 5
        assert 9 <= local.hour < 17
        late = touch.began_at - touch.due_at
        assert timedelta() <= late < timedelta(minutes=30)
        assert touch.began_at.minute in (0, 30)


def test_to_the_minute_a_touch_begins_when_it_is_due(tmp_path: Path) -> None:
    simulation = simulate(options(tmp_path, step=timedelta(minutes=1)))
    assert simulation.tally.touches
    assert all(touch.began_at == touch.due_at for touch in simulation.tally.touches)


def test_the_same_seed_gives_the_same_touches_and_another_seed_others(tmp_path: Path) -> None:
    first, again = simulate(options(tmp_path)), simulate(options(tmp_path))
    assert first == again
    assert keys(first) != keys(simulate(options(tmp_path, seed=8)))


def test_who_replies_gets_nothing_more(tmp_path: Path) -> None:
    response = ResponseModel(
        rates=SILENT.model_copy(update={"reply": 1.0, "reply_positive": 1.0, "reaction": 1.0}),
        dispositions={"call": {"no_answer": 1}},
    )
    simulation = simulate(options(tmp_path, response=response))
    assert {end.outcome for end in simulation.tally.ends} == {Outcome.REPLIED}
    ended = {end.enrollment: end.at for end in simulation.tally.ends}
    assert len(ended) == 60
    assert all(touch.began_at <= ended[touch.enrollment] for touch in simulation.tally.touches)


def test_addresses_that_bounce_at_once_fail_and_end(tmp_path: Path) -> None:
    rates = SILENT.model_copy(update={"hard_bounce": 1.0, "bounce_at_once": 1.0})
    simulation = simulate(options(tmp_path, response=ResponseModel(rates=rates)))
    assert {touch.status for touch in simulation.tally.touches} == {"failed"}
    assert {end.outcome for end in simulation.tally.ends} == {Outcome.BOUNCED}


def test_a_greylisted_touch_goes_ten_minutes_later(tmp_path: Path) -> None:
    rates = SILENT.model_copy(update={"soft_bounce": 1.0, "bounce_at_once": 1.0})
    minute = timedelta(minutes=1)
    simulation = simulate(
        options(tmp_path, step=minute, response=ResponseModel(rates=rates), rows=people(3))
    )
    mails = [touch for touch in simulation.tally.touches if touch.channel == "email"]
    assert len(mails) == 6
    assert all(touch.due_at - touch.wished_at == 10 * minute for touch in mails)
    assert sum(n for (_, rule), n in simulation.tally.deferred.items()
               if rule == "provider_deferred") == 6  # fmt: skip


def test_wrong_rows_and_repeated_people_are_left_out(tmp_path: Path) -> None:
    rows = [*people(8), {"email": "nonsense"}, people(1)[0]]
    simulation = simulate(options(tmp_path, rows=rows, per_day=10))
    assert simulation.enrolled == 8
    assert simulation.refused == {"rejected": 1, "duplicate": 1}


def test_a_cap_spreads_touches_over_days_and_says_so(tmp_path: Path) -> None:
    run = options(tmp_path, accounts=wide(1), response=NOBODY_ANSWERS, days=60)
    simulation = simulate(run)
    per_day = Counter(
        (touch.account, touch.due_at.date())
        for touch in simulation.tally.touches
        if touch.channel == "email"
    )
    assert max(per_day.values()) == 1
    rules = {rule for _, rule in simulation.tally.deferred}
    assert rules & {"account_per_day", "follow_ups_first"}
    assert len(simulation.tally.touches) == 180


def test_reps_finish_calls_with_the_weights_of_the_response_file(tmp_path: Path) -> None:
    response = ResponseModel(rates=SILENT, dispositions={"call": {"meeting_booked": 1}})
    simulation = simulate(options(tmp_path, response=response))
    assert simulation.tally.events["ring", "disposition:meeting_booked"] == 60
    assert {end.outcome for end in simulation.tally.ends} == {Outcome.WON}


def test_who_is_only_heard_of_later_still_waits(tmp_path: Path) -> None:
    text = CADENCE.replace("days: business", "days: calendar")
    cadence = cadence_of(cadence_file(tmp_path, text))
    simulation = simulate(options(tmp_path, cadence=cadence, days=2, response=NOBODY_ANSWERS))
    assert simulation.active == simulation.enrolled > 0
    assert simulation.waiting == {}


def wide(per_day: int) -> Accounts:
    accounts = demo_accounts()
    limits = {"per_day": per_day, "invitations_per_day": per_day, "per_second": None}
    return Accounts(
        organisation=accounts.organisation,
        owners=accounts.owners,
        accounts=[
            a.model_copy(update={"limits": a.limits.model_copy(update=limits)})
            for a in accounts.accounts
        ],
    )


def test_two_halves_come_to_what_one_run_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [*people(90), {"email": "nonsense"}, people(1)[0]]
    run = options(tmp_path, rows=rows, accounts=wide(100_000), per_day=40)
    whole = simulate(run)
    monkeypatch.setattr(halves, "WORTH_IT", 1)
    monkeypatch.setattr(halves, "has_two_cores", lambda: True)
    assert halves.may_split(run)
    assert simulate(run) == whole
    assert whole.enrolled == 90


def test_where_limits_bind_one_run_does_it_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = options(tmp_path, accounts=wide(2))
    whole = simulate(run)
    assert whole.tally.deferred
    monkeypatch.setattr(halves, "WORTH_IT", 1)
    monkeypatch.setattr(halves, "has_two_cores", lambda: True)
    assert simulate(run) == whole


def test_an_account_of_which_too_much_comes_back_pauses_and_its_touches_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = ResponseModel(
        rates=SILENT.model_copy(update={"hard_bounce": 0.2, "bounce_at_once": 0.0}),
        dispositions={"call": {"no_answer": 1}},
    )
    run = options(tmp_path, accounts=wide(100_000), rows=people(1200), response=response)
    simulation = simulate(run)
    assert simulation.tally.rests
    since = {rest.account: rest.at for rest in simulation.tally.rests}
    assert all(rest.bounced > 0.05 * rest.sent >= 2.5 for rest in simulation.tally.rests)
    assert all(
        touch.began_at <= since[touch.account]
        for touch in simulation.tally.touches
        if touch.account in since
    )
    assert any(rule == "account_paused" for _, rule in simulation.tally.deferred)
    monkeypatch.setattr(halves, "WORTH_IT", 1)
    monkeypatch.setattr(halves, "has_two_cores", lambda: True)
    assert simulate(run) == simulation


def test_touches_of_a_group_that_the_accounts_file_lacks_wait(tmp_path: Path) -> None:
    file = wide(100_000)
    renamed = [
        a.model_copy(update={"group": "sales"}) if a.channel == "email" else a
        for a in file.accounts
    ]
    run = options(tmp_path, accounts=file.model_copy(update={"accounts": renamed}))
    simulation = simulate(run)
    assert simulation.tally.deferred["", "no_sender_account"] == simulation.enrolled
    assert simulation.active == simulation.enrolled
    assert simulation.tally.held == {}


def test_halves_keep_colleagues_and_shared_addresses_together() -> None:
    rows = [
        {"id": "a", "email": "a@x.example", "company": "One", "country": "FR"},
        {"id": "b", "email": "b@x.example", "company": "Two", "country": "FR"},
        {"id": "c", "email": "c@x.example", "company": "one", "country": "FR"},
        {"id": "d", "email": "B@x.example", "company": "Three", "country": "FR"},
        {"email": "wrong"},
    ]
    first, second = halves.split(check(list(enumerate(rows, start=1)), demo_accounts()))
    assert sorted([*first, *second]) == [1, 2, 3, 4, 5]
    assert ({1, 3} <= first) != ({1, 3} <= second)
    assert ({2, 4} <= first) != ({2, 4} <= second)


def test_what_goes_wrong_in_the_other_half_is_raised_here() -> None:
    def fail() -> int:
        raise LimitsBind

    assert halves.in_two(lambda: 1, lambda: 2) == (1, 2)
    with pytest.raises(LimitsBind):
        halves.in_two(lambda: 1, fail)
    with pytest.raises(LimitsBind):
        halves.in_two(fail, lambda: 1)


@pytest.mark.parametrize("minutes", [1, 7, 30, 60])
def test_moments_are_the_ends_of_steps_counted_from_1970(minutes: int, tmp_path: Path) -> None:
    run = options(tmp_path)
    moments = Moments(timedelta(minutes=minutes), run.ends_at)
    at = run.begins_at + timedelta(hours=5, seconds=1)
    moment = moments.time(moments.of(at))
    assert timedelta() <= moment - at < timedelta(minutes=minutes)
    assert moments.time(moments.last) == run.ends_at
    assert int(moment.timestamp()) % (60 * minutes) == 0


def test_an_agenda_gives_things_back_by_their_moments() -> None:
    agenda: Agenda[str] = Agenda()
    for moment, thing in ((5, "late"), (3, "early"), (3, "early too")):
        agenda.add(moment, thing)
    assert agenda.next == 3
    assert agenda.take(4) == ["early", "early too"]
    assert (agenda.take(4), agenda.next) == ([], 5)
