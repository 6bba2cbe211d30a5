"""What two versions of a cadence differ in, as `cadenza plan` tells it."""

import pytest

from cadenza.authoring.comparing import compare

HEAD = "cadence: c\nobjective: meeting_booked\nsteps:\n"


def told(old: str, new: str) -> list[str]:
    return [str(change) for change in compare({"c.yaml": HEAD + old}, {"c.yaml": HEAD + new})]


INTRO = "  - step: intro\n    email: intro\n"
REMINDER = "  - step: reminder\n    email: reminder\n    after: 2 days\n"
CALL = "  - step: call\n    task: call\n    wait: 1 day\n"
END = "  - step: done\n    end: no_response\n"


def test_comments_quotes_and_the_order_of_keys_are_no_difference() -> None:
    old = "  # hello\n  - step: intro\n    email: intro\n    day: 1\n" + END
    new = "  - step: 'intro'\n\n    day: \"1\"\n    email: intro\n" + END
    assert told(old, new) == []


def test_a_changed_key_is_told_with_both_values() -> None:
    new = REMINDER.replace("2 days", "3 days")
    assert told(INTRO + REMINDER + END, INTRO + new + END) == [
        "step reminder after: 2 days → 3 days"
    ]


def test_a_key_that_is_new_was_nothing_before() -> None:
    new = INTRO + "    lever: liking\n"
    assert told(INTRO + END, new + END) == ["step intro lever: nothing → liking"]


def test_added_and_removed_steps_are_told_with_their_place() -> None:
    assert told(INTRO + REMINDER + END, INTRO + CALL + END) == [
        "step reminder: removed",
        "step call after intro: added",
    ]


def test_one_step_that_moved_does_not_drag_the_others_with_it() -> None:
    old, new = INTRO + REMINDER + CALL + END, CALL + INTRO + REMINDER + END
    assert told(old, new) == ["step call: now after the beginning"]


def test_the_header_is_compared_down_to_its_innermost_keys() -> None:
    old = {"c.yaml": 'cadence: c\nwindow: {days: mon-fri, sms: {hours: "10:00-18:00"}}\nsteps: []'}
    new = {"c.yaml": 'cadence: c\nwindow: {days: mon-fri, sms: {hours: "09:00-18:00"}}\nsteps: []'}
    assert [str(change) for change in compare(old, new)] == [
        "window.sms.hours: 10:00-18:00 → 09:00-18:00"
    ]


def statuses(names: str) -> dict[str, str]:
    rules = ", ".join(f"{name}: {{crm: {name}}}" for name in names)
    return {"c.yaml": f"cadence: c\nstatuses: {{field: Status, {rules}}}\nsteps: []"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("abc", "bac", ["order of statuses: a, b, c → b, a, c"]),
        ("abc", "acb", ["order of statuses: a, b, c → a, c, b"]),
        ("bc", "abc", ["statuses.a: nothing → crm: a", "order of statuses: b, c → a, b, c"]),
        ("ab", "abc", ["statuses.c: nothing → crm: c"]),
        ("abc", "ac", ["statuses.b: crm: b → nothing"]),
    ],
)
def test_another_order_of_statuses_is_told_for_the_first_is_where_all_begin(
    before: str, after: str, told: list[str]
) -> None:
    assert [str(change) for change in compare(statuses(before), statuses(after))] == told


def test_steps_within_steps_are_compared_like_others() -> None:
    old = (
        "  - step: work\n    parallel:\n      a:\n        - step: pack\n          task: todo\n"
        "          wait: done\n    join: all\n" + END
    )
    new = old.replace("wait: done", "wait: 2 days").replace("join: all", "join: any")
    assert told(old, new) == ["step work join: all → any", "step pack wait: done → 2 days"]


def test_templates_are_compared_by_lines() -> None:
    old = {"c.yaml": HEAD + END, "templates/intro.liquid": "a\nb\nc\n", "templates/old.liquid": ""}
    new = {"c.yaml": HEAD + END, "templates/intro.liquid": "a\nb2\nc\nd\n"}
    assert [str(change) for change in compare(old, new)] == [
        "templates/intro.liquid: 1 line → 2 lines",
        "templates/old.liquid: removed",
    ]


@pytest.mark.parametrize("after", ["b\na\n", "a\n\nb\n", "a\na\nb\n", "a\nb\n\n"])
def test_lines_of_a_template_that_change_places_or_come_twice_are_a_change(after: str) -> None:
    old = {"c.yaml": HEAD + END, "templates/intro.liquid": "a\nb\n"}
    (change,) = compare(old, {**old, "templates/intro.liquid": after})
    assert (change.kind, change.what) == ("changed", "templates/intro.liquid")


def test_long_texts_are_cut() -> None:
    (change,) = told(INTRO + END, INTRO + "    text: " + "y" * 100 + "\n" + END)
    assert change.endswith("y…")
    assert len(change) < 100
