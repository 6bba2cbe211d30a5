"""Files that mails carry: which, for whom, and how much."""

import base64
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.errors import CadenceError, MissingVariable, RenderError
from cadenza.language.attachments import (
    MOST_ATTACHMENTS,
    MOST_OCTETS_OF_A_MAIL,
    Attachments,
    compile_attachments,
    encoded,
    is_attachment_name,
    may_name,
    media_type,
)
from cadenza.language.loader import compile_cadence
from cadenza.language.reporter import Reporter
from cadenza.language.source import Place, Text
from cadenza.steps.email import EmailStep
from tests.cadenza.planner.courses import sources

STEPS = """
- step: first
  email: mail
  attach: {attach}
- step: done
  end: no_response
"""
FILES = {
    "attachments/guide.pdf": encoded(b"%PDF guide"),
    "attachments/claim.pdf": encoded(b"%PDF claim"),
    "attachments/refund.pdf": encoded(b"%PDF refund"),
}


def attached(attach: str, subject: Mapping[str, object]) -> list[tuple[str, bytes]]:
    files = {**sources(STEPS.replace("{attach}", attach)), **FILES}
    step = compile_cadence(files).steps["first"]
    assert isinstance(step, EmailStep)
    chosen = step.attach({"prospect": {}, "subject": subject})
    assert all(attachment.media_type == "application/pdf" for attachment in chosen)
    return [(attachment.name, attachment.content) for attachment in chosen]


def test_files_are_chosen_by_what_a_field_says() -> None:
    said = '["guide.pdf", "{{ subject.kind }}.pdf"]'
    assert attached(said, {"kind": "claim"}) == [
        ("guide.pdf", b"%PDF guide"),
        ("claim.pdf", b"%PDF claim"),
    ]
    assert [name for name, _ in attached(said, {"kind": "guide"})] == ["guide.pdf"]


def test_a_name_that_comes_out_empty_means_no_file() -> None:
    said = "\"{% if subject.kind == 'claim' %}claim.pdf{% endif %}\""
    assert attached(said, {"kind": "refund"}) == []
    assert [name for name, _ in attached(said, {"kind": "claim"})] == ["claim.pdf"]


def test_a_file_that_is_not_there_holds_the_mail() -> None:
    with pytest.raises(RenderError, match=r"there is no attachment 'order\.pdf'"):
        attached('"{{ subject.kind }}.pdf"', {"kind": "order"})
    with pytest.raises(MissingVariable, match=r"subject\.kind"):
        attached('"{{ subject.kind }}.pdf"', {})
    with pytest.raises(RenderError, match="there is no attachment"):
        attached('"{{ subject.kind }}.pdf"', {"kind": "../attachments/claim"})


@pytest.mark.parametrize(
    ("attach", "problem"),
    [
        ('"gide.pdf"', "8:12: there is no attachment `gide.pdf` (did you mean `guide.pdf`?)"),
        ('"{{ subject.kind }}.docx"', "there is no attachment `{{ subject.kind }}.docx`"),
        ('"{{ sbject.kind }}.pdf"', "nothing is called `sbject`"),
        (str(["guide.pdf"] * (MOST_ATTACHMENTS + 1)), "a mail carries at most 10 files"),
    ],
)
def test_wrong_attachment_is_reported_at_its_place(attach: str, problem: str) -> None:
    with pytest.raises(CadenceError) as error:
        attached(attach, {})
    assert problem in str(error.value)


def test_too_much_holds_the_mail() -> None:
    half = encoded(b"x" * (MOST_OCTETS_OF_A_MAIL // 2 + 1))
    files = {"attachments/a.bin": half, "attachments/b.bin": half}
    reporter = Reporter()
    place = Place(file="c.yaml", line=1, column=1)
    said = [Text(value=name, place=place) for name in ("a.bin", "b.bin")]
    both = compile_attachments(said, files, reporter)
    assert isinstance(both, Attachments)
    with pytest.raises(RenderError, match="KiB together, over"):
        both.choose({})
    one = compile_attachments(said[:1], files, reporter)
    assert one is not None
    assert len(one.choose({})) == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.pdf", "application/pdf"),
        ("A.PDF", "application/pdf"),
        ("a.png", "image/png"),
        ("a.csv", "text/csv"),
        (
            "a.docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("a.ics", "text/calendar"),
        ("a.tar.gz", "application/octet-stream"),
        ("a.eml", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_type_comes_from_the_name_alone(name: str, kind: str) -> None:
    assert media_type(name) == kind


@pytest.mark.parametrize(
    "name", ["", ".hidden", "a/b.pdf", "a\\b.pdf", "a\nb.pdf", " a.pdf", "a.pdf ", "x" * 121, ".."]
)
def test_such_names_are_no_files(name: str) -> None:
    assert not is_attachment_name(name)


@given(name=st.text(min_size=1, max_size=30))
def test_a_name_without_liquid_names_itself_alone(name: str) -> None:
    if "{{" not in name and "{%" not in name:
        assert may_name(name, name)
        assert not may_name(name, name + "x")


def test_the_same_file_is_decoded_once() -> None:
    reporter = Reporter()
    said = [Text(value="guide.pdf", place=Place(file="c.yaml", line=1, column=1))]
    guide = compile_attachments(said, FILES, reporter)
    assert guide is not None
    assert guide.choose({})[0] is guide.choose({})[0]
    assert base64.b64decode(FILES["attachments/guide.pdf"]) == guide.choose({})[0].content
