"""Every mistake is found at its line and column, with what to write instead."""

from pathlib import Path
from textwrap import dedent

import pytest

from cadenza.errors import CadenceError, ConfigurationError
from cadenza.language.loader import compile_cadence, load_cadence, read_sources
from tests.cadenza.courses import MAIL, sources

TAIL = """\
- step: done
  end: no_response
"""


def problems(files: dict[str, str]) -> list[str]:
    with pytest.raises(CadenceError) as error:
        compile_cadence(files)
    assert isinstance(error.value, ConfigurationError)
    told = [str(problem) for problem in error.value.problems]
    assert str(error.value) == "\n".join(told)
    return told


def file(text: str) -> dict[str, str]:
    return {"trial.yaml": dedent(text), "templates/mail.liquid": MAIL}


# `^` marks the line and column of the problem; the mark's line is taken out.
BROKEN = {
    "unknown key": (
        """
        cadence: trial
        objective: meeting_booked
        ^objektive: goal
        steps:
        - step: done
          end: won
        """,
        "a cadence has no key `objektive` (did you mean `objective`?)",
    ),
    "key said twice": (
        """
        cadence: trial
        objective: meeting_booked
        ^cadence: again
        steps:
        - step: done
          end: won
        """,
        "`cadence` is said twice",
    ),
    "no objective": (
        """
        ^cadence: trial
        steps:
        - step: done
          end: won
        """,
        "say what the cadence is for; write `objective: meeting_booked`",
    ),
    "unknown objective": (
        """
        cadence: trial
        objective: ^meeting_boked
        steps:
        - step: done
          end: won
        """,
        "(did you mean `meeting_booked`?)",
    ),
    "name with capitals": (
        """
        cadence: ^Trial
        objective: goal
        steps:
        - step: done
          end: won
        """,
        "write small letters, digits and `-`",
    ),
    "value left out": (
        """
        cadence: trial
        objective: goal
        ^title:
        steps:
        - step: done
          end: won
        """,
        "`title` has no value; write one or remove the line",
    ),
    "wrong class": (
        """
        cadence: trial
        objective: goal
        class: ^sale
        steps:
        - step: done
          end: won
        """,
        "(did you mean `sales`?); write `sales` or `service`",
    ),
    "unknown event in exit": (
        """
        cadence: trial
        objective: goal
        exit:
          ^reply: stop
        steps:
        - step: done
          end: won
        """,
        "`reply` is no event that can end a cadence (did you mean `replied`?)",
    ),
    "automatic reply as an exit": (
        """
        cadence: trial
        objective: goal
        exit:
          ^auto_replied: stop
        steps:
        - step: done
          end: won
        """,
        "`auto_replied` is no event that can end a cadence",
    ),
    "unknown exit": (
        """
        cadence: trial
        objective: goal
        exit: {replied: ^stopp}
        steps:
        - step: done
          end: won
        """,
        "(did you mean `stop`?)",
    ),
    "opt-out that goes on": (
        """
        cadence: trial
        objective: goal
        exit:
          unsubscribed: ^continue
        steps:
        - step: done
          end: won
        """,
        "a sales cadence always stops when somebody unsubscribed; write `unsubscribed: stop`",
    ),
    "bad weekday": (
        """
        cadence: trial
        objective: goal
        window: {days: ^mon-fry}
        steps:
        - step: done
          end: won
        """,
        "`mon-fry` is no weekday; write for instance `mon-fri`",
    ),
    "bad hours": (
        """
        cadence: trial
        objective: goal
        window:
          hours: ^9-17
        steps:
        - step: done
          end: won
        """,
        "`9-17` are not hours; write for instance `09:00-17:00`",
    ),
    "hour that does not exist": (
        """
        cadence: trial
        objective: goal
        window: {sms: {hours: ^"09:00-25:00"}}
        steps:
        - step: done
          end: won
        """,
        "ends after midnight",
    ),
    "window without room": (
        """
        cadence: trial
        objective: goal
        window: {hours: ^09:00-09:30}
        steps:
        - step: done
          end: won
        """,
        "is too short; a window is at least an hour long",
    ),
    "unknown channel in window": (
        """
        cadence: trial
        objective: goal
        window: {^mail: {hours: 09:00-17:00}}
        steps:
        - step: done
          end: won
        """,
        "`window` has no key `mail`",
    ),
    "unknown channel in from": (
        """
        cadence: trial
        objective: goal
        from: {^emial: outreach}
        steps:
        - step: done
          end: won
        """,
        "(did you mean `email`?)",
    ),
    "no steps": (
        """
        ^cadence: trial
        objective: goal
        """,
        "a cadence has steps",
    ),
    "steps that are no list": (
        """
        cadence: trial
        objective: goal
        steps: ^none
        """,
        "`steps` must be a list, not a single value",
    ),
    "step without a name": (
        """
        cadence: trial
        objective: goal
        steps:
        - ^end: won
        """,
        "a step has a name; begin it with `- step: intro`",
    ),
    "step that does nothing": (
        """
        cadence: trial
        objective: goal
        steps:
        - ^step: intro
          emial: mail
        - step: done
          end: won
        """,
        "this step does nothing (did you mean `email`?)",
    ),
    "step that does two things": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
          ^sms: Hi
        - step: done
          end: won
        """,
        "a step does one thing, not `email` and `sms`",
    ),
    "step named twice": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
        - step: ^intro
          email: mail
        - step: done
          end: won
        """,
        "there are two steps `intro`",
    ),
    "reserved name": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: ^reply
          email: mail
        - step: done
          end: won
        """,
        "`reply` means something else",
    ),
    "go to nowhere": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
          go: ^dnoe
        - step: done
          end: won
        """,
        "there is no step `dnoe` (did you mean `done`?)",
    ),
    "end with a go": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: done
          end: won
          ^go: done
        """,
        "a step has no key `go`",
    ),
    "unknown outcome": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: done
          end: ^wone
        """,
        "(did you mean `won`?)",
    ),
    "day and after": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
          day: 2
          after: ^1 day
        - step: done
          end: won
        """,
        "`day` and `after` exclude each other",
    ),
    "day zero": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
          day: ^0
        - step: done
          end: won
        """,
        "must be a whole number from 1 to 730",
    ),
    "days that go down": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
          day: 5
        - ^step: again
          email: mail
          day: 3
        - step: done
          end: won
        """,
        "`again` on day 3 follows `intro` on day 5; days must not go down",
    ),
    "bad span": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: rest
          wait: ^two days
        - step: done
          end: won
        """,
        "`two days` is not a span of time; write for instance `2 days`",
    ),
    "unknown unit": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: rest
          wait: ^2 dasy
        - step: done
          end: won
        """,
        "`dasy` is not a unit of time (did you mean `day`?)",
    ),
    "too long": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: rest
          wait: ^2000 days
        - step: done
          end: won
        """,
        "`2000 days` is too long",
    ),
    "missing template": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: ^maill
        - step: done
          end: won
        """,
        "there is no template `maill` (did you mean `mail`?); "
        "write it in `templates/trial/maill.liquid`",
    ),
    "reply without a mail": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
          thread: ^reply
        - step: done
          end: won
        """,
        "there is no mail above this one to reply to",
    ),
    "reply to a step that is no mail": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
        - step: again
          email: mail
          thread: ^intor
        - step: done
          end: won
        """,
        "`intor` is no mail above this one (did you mean `intro`?)",
    ),
    "reply with a subject": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
        - step: again
          email: mail
          thread: ^reply
        - step: done
          end: won
        """,
        "remove `subject` from templates/mail.liquid",
    ),
    "variable in a text message": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: text
          sms: "Hi {{ ^prospct.first_name }}"
        - step: done
          end: won
        """,
        "nothing is called `prospct`",
    ),
    "variable in a script": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: call
          task: call
          wait: none
          script: |
            Hello,

            this is {{ ^owner.nme }}.
        - step: done
          end: won
        """,
        "`owner` has no part `nme` (did you mean `name`?)",
    ),
    "text that begins with braces": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: text
          sms: ^{{ prospect.first_name }}
        - step: done
          end: won
        """,
        "put quotes around a text with `{{ … }}`",
    ),
    "unknown network": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: hello
          social: connect
          network: ^linkdin
        - step: done
          end: won
        """,
        "(did you mean `linkedin`?)",
    ),
    "message without a text": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: hello
          social: ^message
        - step: done
          end: won
        """,
        "a message has a text",
    ),
    "unknown kind of task": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: ring
          task: ^cal
          wait: none
        - step: done
          end: won
        """,
        "(did you mean `call`?)",
    ),
    "task without a wait": (
        """
        cadence: trial
        objective: goal
        steps:
        - ^step: ring
          task: call
        - step: done
          end: won
        """,
        "say how long to wait for the task",
    ),
    "bad disposition": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: ring
          task: call
          wait: none
          dispositions: [connected, ^No Answer]
        - step: done
          end: won
        """,
        "`No Answer` is no disposition",
    ),
    "bad due": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: ring
          task: call
          wait: none
          due: ^soon
        - step: done
          end: won
        """,
        "is not a span of time",
    ),
    "branch without an else": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
        - step: fork
          branch:
          ^- when: opened intro
            go: done
        - step: done
          end: won
        """,
        "add a last line `- else: <step>`",
    ),
    "line below else": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
        - step: fork
          branch:
          - else: done
          - ^when: opened intro
            go: done
        - step: done
          end: won
        """,
        "nothing comes here, below `else`",
    ),
    "line without a go": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
        - step: fork
          branch:
          - ^when: opened intro
          - else: done
        - step: done
          end: won
        """,
        "a line of a branch has `when` and `go`, or `else`; add `go`",
    ),
    "no condition": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
        - step: fork
          branch:
          - when: ^cliked intro
            go: done
          - else: done
        - step: done
          end: won
        """,
        "`cliked intro` is not a condition (did you mean `clicked`?)",
    ),
    "condition with a bad span": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
        - step: fork
          branch:
          - when: ^clicked intro within soon
            go: done
          - else: done
        - step: done
          end: won
        """,
        "`soon` is not a span of time",
    ),
    "condition about an unknown step": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
        - step: fork
          branch:
          - when: clicked ^inrto within 2 days
            go: done
          - else: done
        - step: done
          end: won
        """,
        "there is no step `inrto` (did you mean `intro`?)",
    ),
    "event that cannot come back about a step": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: ring
          task: call
          wait: none
        - step: fork
          branch:
          - when: clicked ^ring
            go: done
          - else: done
        - step: done
          end: won
        """,
        "`ring` is a step of kind `task`; `clicked` never comes back about it",
    ),
    "disposition of a mail": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
        - step: fork
          branch:
          - when: disposition of ^intro is connected
            go: done
          - else: done
        - step: done
          end: won
        """,
        "`intro` is no task",
    ),
    "unknown disposition": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: ring
          task: call
          wait: 1 day
        - step: fork
          branch:
          - when: disposition of ring is ^conected
            go: done
          - else: done
        - step: done
          end: won
        """,
        "`ring` has no disposition `conected` (did you mean `connected`?)",
    ),
    "nothing leads there": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: intro
          email: mail
          go: done
        - ^step: lonely
          email: mail
        - step: done
          end: won
        """,
        "nothing leads to `lonely`",
    ),
    "breaks off": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: done
          end: won
        - ^step: intro
          email: mail
        """,
        "the cadence breaks off after `intro`",
    ),
    "no way to an end": (
        """
        cadence: trial
        objective: goal
        steps:
        - step: fork
          branch:
          - when: prospect.country is FR
            go: intro
          - else: done
        - ^step: intro
          email: mail
          after: 2 days
          go: intro
        - step: done
          end: won
        """,
        "no way leads from `intro` to an end",
    ),
    "loop that rushes": (
        """
        cadence: trial
        objective: goal
        steps:
        - ^step: intro
          email: mail
          day: 2
        - step: fork
          branch:
          - when: opened intro
            go: done
          - else: intro
        - step: done
          end: won
        """,
        "`intro` is part of a loop in which no time passes",
    ),
    "anchor": (
        """
        cadence: trial
        objective: goal
        title: ^&name Trial
        steps:
        - step: done
          end: won
        """,
        "anchors such as `&name` are not used here",
    ),
    "no YAML": (
        """
        cadence: trial
        title: a^: b
        """,
        "this is not valid YAML: mapping values are not allowed here",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_mistake_is_found_where_it_is(name: str) -> None:
    marked, message = BROKEN[name]
    text = dedent(marked).lstrip("\n")
    before = text[: text.index("^")]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    told = problems(file(text.replace("^", "", 1)))
    assert len(told) == 1, told
    assert told[0].startswith(f"trial.yaml:{line}:{column}: ")
    assert message in told[0]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_files() -> None:
    told = problems(
        {
            "trial.yaml": dedent(
                """\
                cadence: trial
                objective: goal
                windw: {}
                steps:
                - step: intro
                  email: mail
                  dya: 1
                - step: text
                  sms: "{{ prospct.x }}"
                - step: done
                  end: wone
                """
            ),
            "templates/mail.liquid": "---\nsubject: Hi\n---\nHello {{ owner.nme }}\n",
        }
    )
    assert [problem.split(": ")[0] for problem in told] == [
        "templates/mail.liquid:4:10",
        "trial.yaml:3:1",
        "trial.yaml:7:3",
        "trial.yaml:9:12",
        "trial.yaml:11:8",
    ]


def test_mistake_in_a_template_that_is_used_twice_is_told_once() -> None:
    steps = "- step: a\n  email: mail\n- step: b\n  email: mail\n" + TAIL
    told = problems(sources(steps, mail="---\nsubject: Hi\n---\n{{ nope }}\n"))
    assert len(told) == 1


def test_reply_to_a_broken_mail_is_not_a_mistake_of_its_own() -> None:
    steps = "- step: a\n  email: gone\n- step: b\n  email: follow\n  thread: reply\n" + TAIL
    [told] = problems(sources(steps))
    assert "there is no template `gone`" in told


def test_mail_without_a_subject_must_reply() -> None:
    [told] = problems(sources("- step: a\n  email: follow\n" + TAIL))
    assert told.startswith("templates/follow.liquid:1:1: this mail has no subject")


@pytest.mark.parametrize("text", ["", "- a\n", "just words", "[" * 3000, "a: \x00", "\t"])
def test_file_that_is_no_cadence_is_refused_with_a_place(text: str) -> None:
    told = problems({"trial.yaml": text})
    assert told[0].startswith("trial.yaml:1:")


@pytest.mark.parametrize(
    "files", [{}, {"a.yaml": "", "b.yaml": ""}, {"templates/mail.liquid": MAIL}]
)
def test_sources_hold_exactly_one_cadence(files: dict[str, str]) -> None:
    assert "sources hold one cadence file" in problems(files)[0]


def test_too_many_steps_are_refused() -> None:
    steps = "".join(f"- step: s{n}\n  email: mail\n" for n in range(201))
    [told] = problems(sources(steps + TAIL))
    assert "a cadence has at most 200 steps" in told


# Files ----------------------------------------------------------------------


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "trial.yaml"


STEPS = "- step: a\n  email: mail\n" + TAIL


def test_own_template_wins_over_the_shared_one_and_only_what_is_used_is_read(
    tmp_path: Path,
) -> None:
    own = MAIL.replace("A word", "My word")
    path = write(
        tmp_path, sources(STEPS) | {"templates/trial/mail.liquid": own, "templates/x.liquid": "x"}
    )
    found, cadence = load_cadence(path)
    assert set(found) == {
        "trial.yaml",
        "templates/trial/mail.liquid",
        "templates/mail.liquid",
    }
    step = cadence.steps["a"]
    rendered = step.render({"prospect": {"first_name": "Zoë"}, "owner": {"name": "M"}} | REST)  # type: ignore[attr-defined]
    assert rendered.subject == "My word, Zoë"


REST = {
    "organisation": {"name": "Larkspur", "postal_address": "Kaai 4"},
    "unsubscribe_url": "https://u.example",
}


def test_places_name_files_as_the_path_does(tmp_path: Path) -> None:
    path = write(tmp_path, sources(STEPS.replace("no_response", "wone")))
    with pytest.raises(CadenceError) as error:
        load_cadence(path)
    assert str(error.value).startswith(f"{path}:")


def test_windows_line_ends_and_byte_order_mark_are_read(tmp_path: Path) -> None:
    files = {name: "\ufeff" + text for name, text in sources(STEPS).items()}
    path = write(tmp_path, files)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_cadence(path)[1].name == "trial"


def test_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, sources(STEPS))
    path.write_text("#" * 300_000)
    with pytest.raises(CadenceError, match="larger than 256 KiB"):
        read_sources(path)


def test_file_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trial.yaml"
    path.write_bytes(b"title: \xff\xfe")
    with pytest.raises(CadenceError, match="not UTF-8"):
        read_sources(path)


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CadenceError, match="cannot be read"):
        read_sources(tmp_path / "trial.yaml")


def test_template_outside_the_folder_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.liquid"
    secret.write_text(MAIL)
    path = write(tmp_path / "cadences", {"trial.yaml": sources(STEPS)["trial.yaml"]})
    (path.parent / "templates").mkdir()
    (path.parent / "templates/mail.liquid").symlink_to(secret)
    with pytest.raises(CadenceError, match="outside the cadence's folder"):
        read_sources(path)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "..", "a/b/c"])
def test_template_names_do_not_climb(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.liquid").write_text(MAIL)
    path = write(
        tmp_path / "cadences",
        {"trial.yaml": sources(STEPS.replace("email: mail", f'email: "{name}"'))["trial.yaml"]},
    )
    assert set(read_sources(path)) == {"trial.yaml"}
    with pytest.raises(CadenceError, match="there is no template"):
        load_cadence(path)
