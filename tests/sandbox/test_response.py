"""The response file: what may stand in it, and what is said of one that is wrong."""

from pathlib import Path

import pytest

from sandbox.response import RATE_NAMES, ResponseModel, WrongResponse, read_response
from sandbox.settings import Rates


def write(folder: Path, text: str) -> Path:
    path = folder / "response.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_people_are_those_of_the_demo() -> None:
    assert read_response(None) == ResponseModel(rates=Rates(), dispositions={}, poll_minutes=60.0)


def test_what_is_left_out_stays_as_it_is(tmp_path: Path) -> None:
    text = "email: {opened: 0.5, replies: 0.1}\nsms: {stop: 0}\ntasks:\n  call: {connected: 2}\n"
    assert read_response(write(tmp_path, text)).poll_minutes == 60.0
    text += "reps: {look_every_minutes: 240}\n"
    assert read_response(write(tmp_path, text)).poll_minutes == 240.0
    response = read_response(write(tmp_path, text))
    assert response.rates == Rates(opened=0.5, reply=0.1, sms_stop=0)
    assert response.dispositions == {"call": {"connected": 2.0}}


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert read_response(write(tmp_path, "# nobody knows\n")) == ResponseModel()


def test_every_rate_has_a_word_in_the_file() -> None:
    named = [rate for words in RATE_NAMES.values() for rate in words.values()]
    assert sorted(named) == sorted(Rates.model_fields)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mail: {opened: 1}", "mail is not known here: remove it, or write one of: email, reps"),
        ("email: {opened: '0.3'}", "email.opened: write a share from 0 to 1"),
        ("email: {replies: 0.9, unsubscribes: 0.2}", "come to 1.165"),
        ("email: [1]", "email: write names with values"),
        ("tasks: {call: {connected: often}}", "tasks.call.connected: write a weight"),
        ("tasks: {call: {connected: true}}", "tasks.call.connected: write a weight"),
        ("email: {opened: 1", "response.yaml:1:"),
        ("reps: {look_every_minutes: 0}", "reps.look_every_minutes: write minutes, from 1 to 1440"),
        ("reps: {look: 5}", "reps.look is not known here"),
        ("- email", "write names with values"),
    ],
)
def test_a_wrong_file_is_refused_with_the_mend(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(WrongResponse) as caught:
        read_response(write(tmp_path, text))
    assert told in str(caught.value)
    assert "response.yaml" in str(caught.value)


def test_a_file_that_is_no_text_or_far_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "response.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(WrongResponse, match="not text in UTF-8"):
        read_response(path)
    path.write_bytes(b"#" * 70_000)
    with pytest.raises(WrongResponse, match="larger than"):
        read_response(path)
    with pytest.raises(WrongResponse, match="cannot read"):
        read_response(tmp_path / "absent.yaml")
