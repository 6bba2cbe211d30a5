"""The ways through a cadence: which can be gone, and on which days their steps stand."""

import time
from textwrap import dedent

from cadenza.authoring.ways import MOST_WAYS, Way, ways_through
from cadenza.language.loader import compile_cadence

MAIL = "---\nsubject: Hi\n---\nHello\n"


def ways(steps: str, *, head: str = "") -> list[Way]:
    text = f"cadence: trial\nobjective: goal\n{head}steps:\n{dedent(steps)}"
    sources = {"trial.yaml": text, "templates/hello.liquid": MAIL}
    return list(ways_through(compile_cadence(sources)))


def told(way: Way) -> str:
    return " ".join(f"{stop.step}@{stop.day}" for stop in way.stops)


def test_quiet_way_comes_first_and_waits_for_what_does_not_come() -> None:
    found = ways(
        """\
        - {step: hello, email: hello, day: 2}
        - step: fork
          branch:
            - {when: clicked hello within 3 days, go: ring}
            - else: again
        - {step: again, email: hello, go: done}
        - {step: ring, task: call, wait: 2 days}
        - {step: done, end: won}
        """
    )
    assert [told(way) for way in found] == [
        "hello@2 fork@2 again@5 done@5",
        "hello@2 fork@2 ring@2 done@2",
    ]
    assert [way.quiet for way in found] == [True, False]


def test_same_question_is_answered_alike_on_one_way() -> None:
    fork = "branch: [{when: prospect.country is FR, go: %s}, {else: %s}]"
    found = ways(
        f"""\
        - {{step: hello, email: hello}}
        - step: first
          {fork % ("second", "rest")}
        - {{step: rest, wait: 1 day}}
        - step: second
          {fork % ("won", "lost")}
        - {{step: won, end: won}}
        - {{step: lost, end: lost}}
        """
    )
    assert {told(way) for way in found} == {
        "hello@1 first@1 second@1 won@1",
        "hello@1 first@1 rest@1 second@2 lost@2",
    }


def test_counted_loop_is_gone_round_as_often_as_it_is_counted() -> None:
    found = ways(
        """\
        - {step: ring, task: call, after: 2 days, wait: 1 day}
        - step: fork
          branch:
            - {when: ring reached 3 times, go: done}
            - else: ring
        - {step: done, end: no_response}
        """
    )
    assert [told(way) for way in found] == ["ring@3 fork@3 ring@5 fork@5 ring@7 fork@7 done@7"]


def test_rounds_of_a_repeat_stand_apart() -> None:
    found = ways(
        """\
        - step: weekly
          repeat:
            - {step: hello, email: hello}
          every: 1 week
          at_most: 2
        - {step: done, end: no_response}
        """
    )
    assert [told(way) for way in found] == [
        "weekly@1 hello@1 weekly@1 hello@6 weekly@6 done@11",
    ]


def test_lanes_run_side_by_side_and_join_when_the_last_is_done() -> None:
    found = ways(
        """\
        - step: work
          parallel:
            short: [{step: hello, email: hello}]
            long: [{step: rest, wait: 4 days}, {step: ring, task: call, wait: none}]
        - {step: done, end: won}
        """
    )
    assert [told(way) for way in found] == ["work@1 hello@1 rest@1 ring@5 done@5"]


def test_each_variant_is_a_way_and_stays_one() -> None:
    found = ways(
        """\
        - step: hello
          email: hello
          variants: {pace: {slow: {after: 3 days}}}
        - step: fork
          branch: [{when: variant of pace is slow, go: won}, {else: lost}]
        - {step: won, end: won}
        - {step: lost, end: lost}
        """,
        head="experiments: {pace: {fast: 1, slow: 1}}\n",
    )
    assert {told(way) for way in found} == {
        "hello@1 hello.fast@1 fork@1 lost@1",
        "hello@1 hello.slow@4 fork@4 won@4",
    }


def test_wait_for_something_ends_at_once_or_when_its_time_is_up() -> None:
    found = ways(
        """\
        - step: paid
          wait: {for: payment_made, at_most: 3 days, otherwise: lost}
        - {step: won, end: won}
        - {step: lost, end: lost}
        """,
        head="signals: {payment_made: heard}\n",
    )
    assert [told(way) for way in found] == ["paid@1 lost@4", "paid@1 won@1"]


def test_maze_is_bounded() -> None:
    forks = "".join(
        f"- step: f{n}\n  branch: [{{when: prospect.f{n} is set, go: h{n}}}, {{else: f{n + 1}}}]\n"
        f"- {{step: h{n}, email: hello}}\n"
        for n in range(40)
    )
    begun = time.perf_counter()
    found = ways(forks + "- {step: f40, end: won}\n")
    assert 0 < len(found) <= MOST_WAYS
    assert time.perf_counter() - begun < 20
