"""What rules say beside the page of broken cadences: with prospects, with neighbours, allowed."""

from pathlib import Path
from textwrap import dedent

import pytest

from cadenza.authoring.lint.rule import Finding, People
from cadenza.authoring.lint.run import lint_files

HEAD = "cadence: {name}\nobjective: goal\n"
LISTEN = "- step: listen\n  wait: 3 days\n- step: done\n  end: no_response\n"
MAIL = '---\nsubject: "A word"\npreview: "One minute."\n---\n{body}\n'


def write(folder: Path, steps: str, *, name: str = "trial", head: str = "", **mails: str) -> Path:
    (folder / "templates").mkdir(exist_ok=True)
    for mail, body in mails.items():
        (folder / "templates" / f"{mail}.liquid").write_text(MAIL.format(body=body))
    path = folder / f"{name}.yaml"
    path.write_text(HEAD.format(name=name) + head + "steps:\n" + dedent(steps) + LISTEN)
    return path


def found(*paths: Path, people: People | None = None) -> list[Finding]:
    return list(lint_files(paths, people=people)[1])


def rules(*paths: Path, people: People | None = None) -> list[str]:
    return [finding.rule for finding in found(*paths, people=people)]


def people(**longest: str) -> People:
    values = {f"prospect.{name}": [value] for name, value in longest.items()}
    return People(fields=frozenset(values), longest=values)


HELLO = "  - step: hello\n    email: hello\n    purpose: build_trust\n"
TEXT = "  - step: text\n    sms: {text}\n    purpose: build_trust\n"


# Variables ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "{{ prospect.forklifts | default: 'your' }} forklifts",
        "{% if prospect.forklifts %}{{ prospect.forklifts }} forklifts{% endif %}",
        "{% unless prospect.forklifts %}None.{% else %}{{ prospect.forklifts }}{% endunless %}",
        "{% if prospect.title and prospect.forklifts %}{{ prospect.forklifts }}{% endif %}",
        "{% if prospect.forklifts == '3' %}{{ prospect.forklifts }}{% endif %}",
        "{{ prospect.first_name }} of {{ company.name }}",
    ],
)
def test_value_with_a_fallback_or_asked_for_needs_no_mend(tmp_path: Path, body: str) -> None:
    assert rules(write(tmp_path, HELLO, hello=body)) == []


@pytest.mark.parametrize(
    "body",
    [
        "{{ prospect.forklifts }}",
        "{{ prospect.forklifts | upcase }}",
        "{% if prospect.title %}{{ prospect.forklifts }}{% endif %}",
        "{% if prospect.title or prospect.forklifts %}{{ prospect.forklifts }}{% endif %}",
        "{{ prospect.forklifts | default: prospect.trucks }}",
    ],
)
def test_value_that_may_be_unknown_is_told_as_advice_where_it_stands(
    tmp_path: Path, body: str
) -> None:
    [only] = found(write(tmp_path, HELLO, hello=body))
    assert (only.rule, only.level) == ("missing-variable", "advice")
    assert str(only.place).endswith(f"templates/hello.liquid:5:{body.index('{{') + 1}")


def test_value_that_is_no_column_of_the_prospects_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, HELLO, hello="{{ prospect.first_name }}: {{ prospect.forklifts }}")
    [only] = found(path, people=people(first_name="Zoë"))
    assert only.level == "error"
    assert "`prospect.forklifts` is no column of the prospects" in only.message
    assert rules(path, people=people(first_name="Zoë", forklifts="3")) == []


# Text messages --------------------------------------------------------------------


def test_segments_are_counted_with_the_longest_name_of_the_prospects(tmp_path: Path) -> None:
    said = "Hello {{ prospect.first_name }}, " + "did it arrive? " * 14 + "Reply STOP to opt out"
    path = write(tmp_path, TEXT.format(text=f'"{said}"'))
    assert rules(path, people=people(first_name="Ann")) == []
    assert rules(path, people=people(first_name="Wolfeschlegelsteinhausen" * 3)) == ["sms-length"]
    [only] = found(path, people=people(first_name="Łukasz"))
    assert "because of `Ł`" in only.message


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("prospect.sms_consent is yes", []),
        ("prospect.sms_opt_in is set", []),
        ("prospect.sms_consent is not no", []),
        ("prospect.sms_consent is no", ["sms-consent"]),
        ("prospect.country is FR", ["sms-consent"]),
    ],
)
def test_consent_is_asked_for_by_a_branch_before_the_message(
    tmp_path: Path, condition: str, says: list[str]
) -> None:
    fork = f"  - step: fork\n    branch:\n      - {{when: {condition}, go: text}}\n"
    steps = f"{fork}      - else: listen\n" + TEXT.format(text="Did our guide arrive?")
    assert rules(write(tmp_path, steps)) == says


def test_branch_that_sends_those_without_consent_elsewhere_is_enough(tmp_path: Path) -> None:
    fork = (
        "  - step: fork\n    branch:\n      - {when: prospect.sms_consent is missing, go: listen}\n"
        "      - else: text\n"
    )
    assert rules(write(tmp_path, fork + TEXT.format(text="Did our guide arrive?"))) == []


def test_list_of_conditions_with_consent_among_them_is_enough(tmp_path: Path) -> None:
    fork = (
        "  - step: fork\n    branch:\n"
        "      - {when: [prospect.country is FR, prospect.sms_consent is yes], go: text}\n"
        "      - else: listen\n"
    )
    assert rules(write(tmp_path, fork + TEXT.format(text="Did our guide arrive?"))) == []


def test_service_messages_need_neither_consent_nor_footer(tmp_path: Path) -> None:
    steps = TEXT.format(text="Your parcel left today.") + HELLO
    hidden = "{% if prospect.title %}{{ unsubscribe_url }}{% endif %}Left today."
    path = write(tmp_path, steps, head="class: service\n", hello=hidden)
    assert rules(path) == []


# Ways ---------------------------------------------------------------------------


def test_calls_that_exclude_each_other_do_not_add_up(tmp_path: Path) -> None:
    steps = """\
      - step: hello
        email: hello
        purpose: build_trust
      - step: fork
        branch:
          - {when: prospect.country is FR, go: early}
          - else: wait
      - step: early
        task: call
        purpose: learn
        wait: 1 day
      - step: wait
        wait: 2 hours
      - step: again
        branch:
          - {when: early reached 1 time, go: listen}
          - else: late
      - step: late
        task: call
        purpose: learn
        wait: 1 day
    """
    assert rules(write(tmp_path, steps, hello="Hello.")) == []


def test_lanes_count_side_by_side(tmp_path: Path) -> None:
    steps = """\
      - step: both
        parallel:
          left:
            - step: left-mail
              email: hello
              purpose: build_trust
          right:
            - step: right-mail
              email: hello
              purpose: build_trust
    """
    [only] = found(write(tmp_path, steps, hello="Hello."))
    assert (only.rule, "another email on day 1" in only.message) == ("too-many-touches", True)


# Files together -------------------------------------------------------------------


def test_cadence_to_move_to_is_looked_for_in_the_folder(tmp_path: Path) -> None:
    steps = HELLO + "  - step: on\n    move_to: {name}\n    stay: yes\n"
    first = write(tmp_path, steps.format(name="secnd"), name="first", hello="Hello.")
    second = write(tmp_path, HELLO, name="second")
    assert rules(first) == []
    [only] = found(first, second)
    assert only.rule == "unknown-cadence"
    assert "did you mean `second`?" in only.message
    write(tmp_path, steps.format(name="second"), name="first")
    assert rules(first, second) == []


def test_two_cadences_of_one_name_are_an_error(tmp_path: Path) -> None:
    first = write(tmp_path, HELLO, hello="Hello.")
    twin = tmp_path / "twin.yaml"
    twin.write_text(first.read_text())
    [only] = found(first, twin)
    assert (only.rule, only.level, only.place.file) == ("name-twice", "error", str(twin))


def test_compile_problems_and_findings_of_several_files_come_together_in_order(
    tmp_path: Path,
) -> None:
    broken = write(tmp_path, "  - step: a\n    emial: hello\n", name="a-broken")
    advised = write(tmp_path, "  - step: hello\n    email: hello\n", name="b", hello="Hello.")
    told = found(advised, broken)
    assert [(f.place.file, f.level) for f in told] == [
        (str(broken), "error"),
        (str(advised), "advice"),
    ]


# Comments -------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["own", "above"])
def test_comment_with_a_reason_allows_advice(tmp_path: Path, line: str) -> None:
    comment = "# lint: allow touch-without-purpose: it is a test"
    step = f"  - step: hello  {comment}\n" if line == "own" else f"  {comment}\n  - step: hello\n"
    assert rules(write(tmp_path, f"{step}    email: hello\n", hello="Hello.")) == []


def test_comment_without_a_reason_allows_nothing(tmp_path: Path) -> None:
    step = "  - step: hello  # lint: allow touch-without-purpose\n    email: hello\n"
    assert rules(write(tmp_path, step, hello="Hello.")) == ["touch-without-purpose", "lint-comment"]


def test_comment_cannot_allow_an_error(tmp_path: Path) -> None:
    step = TEXT.format(text="Did it arrive?  # lint: allow sms-consent: they asked")
    assert set(rules(write(tmp_path, step))) == {"sms-consent", "lint-comment"}
