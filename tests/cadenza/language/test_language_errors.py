"""Every mistake is found at its line and column, with what to write instead."""

from pathlib import Path
from textwrap import dedent

import pytest

from cadenza.errors import CadenceError, ConfigurationError
from cadenza.language.loader import compile_cadence, load_cadence, read_sources
from tests.cadenza.planner.courses import MAIL, sources

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


# The first line of each file is a comment with the message to expect; `^`
# marks the line and column of the problem, and is taken out.
BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_mistake_is_found_where_it_is(path: Path) -> None:
    comment, text = path.read_text(encoding="utf-8").split("\n", 1)
    before = text[: text.index("^")]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    told = problems({"trial.yaml": text.replace("^", "", 1), "templates/mail.liquid": MAIL})
    assert len(told) == 1, told
    assert told[0].startswith(f"trial.yaml:{line}:{column}: ")
    assert comment.removeprefix("# ") in told[0]


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


@pytest.mark.parametrize("text", ["", "- a\n", "just words", "[" * 1000, "a: \x00", "\t"])
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


def test_what_is_wrong_in_all_variants_of_a_step_is_told_once_by_its_own_name() -> None:
    text = """\
cadence: trial
objective: goal
experiments: {pace: {fast: 1, slow: 1}}
steps:
- {step: intro, email: mail}
- step: again
  email: mail
  thread: reply
  variants: {pace: {fast: {after: 1 day}}}
"""
    [told] = problems({"trial.yaml": text + TAIL, "templates/mail.liquid": MAIL})
    assert "`again` replies in a thread" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1:1: this file is empty; a cadence is written as keys and values"),
        ("# to come\n", "1:1: this file is empty; a cadence is written as keys and values"),
        ("title: x\nsteps:\n\t- step: a\n", "3:1: there is a tab here; indent with spaces"),
        ("title: x\n---\ntitle: y\n", "2:1: a file holds one document; remove the line `---`"),
        ("title: " + "[" * 3000, "1:1: this is nested too deeply for a cadence"),
        (
            "steps:\n" + "".join(" " * depth + "-\n" for depth in range(300)),
            "nested too deeply for a cadence; write it flatter",
        ),
    ],
)
def test_what_is_no_readable_yaml_is_told_in_words(text: str, told: str) -> None:
    [problem] = problems({"trial.yaml": text})
    assert told in problem
