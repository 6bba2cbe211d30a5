"""The fast reader agrees with the standard library, and with anything at all it stays calm."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.mail_reader import ReceivedMail, content_digest
from tests.sandbox.world import make_mail

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1
)


def read(mail: EmailMessage, envelope_from: str = "b@acme.example") -> ReceivedMail:
    return ReceivedMail(mail.as_bytes(policy=policy.SMTP), envelope_from=envelope_from)


@given(text=TEXTS, encoding=st.sampled_from(["quoted-printable", "base64", "8bit"]))
def test_text_and_html_are_those_of_the_standard_library(text: str, encoding: str) -> None:
    mail = EmailMessage()
    mail["Subject"] = "x"
    mail.set_content(text, cte=encoding)
    mail.add_alternative(f"<p>{text}</p>", subtype="html", cte=encoding)
    raw = mail.as_bytes(policy=policy.SMTP)
    expected = message_from_bytes(raw, policy=policy.default)
    seen = ReceivedMail(raw, envelope_from="")
    bodies = [expected.get_body(preferencelist=(kind,)) for kind in ("plain", "html")]
    assert isinstance(bodies[0], EmailMessage)
    assert isinstance(bodies[1], EmailMessage)
    assert seen.text.rstrip("\r\n") == bodies[0].get_content().rstrip("\r\n")
    assert seen.html.rstrip("\r\n") == bodies[1].get_content().rstrip("\r\n")


@given(st.binary(max_size=2000))
def test_broken_mails_are_read_as_far_as_they_go(raw: bytes) -> None:
    mail = ReceivedMail(b"Content-Type: multipart/x; boundary=b\r\n" + raw, envelope_from="")
    assert len(mail.digest) == 64
    assert isinstance(mail.image_urls() + mail.link_urls(), list)
    assert isinstance(mail.subject_text + mail.from_name + mail.reply_address, str)


def test_a_part_within_parts_within_parts_ends_somewhere() -> None:
    raw = b""
    for level in range(40):
        raw += b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level)
    assert ReceivedMail(raw + b"\r\nhello", envelope_from="").parts == []


def test_headers_and_names_are_read() -> None:
    mail = read(make_mail("jean@x.example", References="<a@x> <b@x>"))
    assert mail.subject_text == "A question about your déjeuner"
    assert (mail.from_name, mail.from_address) == ("Anna Müller", "anna@acme.example")
    assert mail.to_name == "Jean Dupont"
    assert mail.reply_address == "reply+tok@in.acme.example"
    assert mail.headers["references"].split() == ["<a@x>", "<b@x>"]
    assert mail.unsubscribes_in_one_click
    assert mail.unsubscribe_urls[1] == "mailto:leave@in.acme.example?subject=leave"
    assert not mail.is_automatic


def test_links_to_leave_are_not_links_to_read() -> None:
    mail = EmailMessage()
    mail["List-Unsubscribe"] = "<https://x.example/l/1>"
    mail.set_content("plain")
    mail.add_alternative(
        '<a class="b" href="https://x.example/r?a=1&amp;b=2">Guide</a>'
        '<a href="https://x.example/l/1">here</a>'
        '<a href="https://x.example/l/2">Se <b>désinscrire</b></a>'
        '<a href="https://x.example/unsubscribe/3">x</a>'
        '<a href="mailto:a@x.example">mail</a><a href="https://x.example/r?a=1&amp;b=2">again</a>'
        "<img src=https://x.example/p.gif width=1><img src='cid:logo'>",
        subtype="html",
    )
    seen = read(mail)
    assert seen.link_urls() == ["https://x.example/r?a=1&b=2"]
    assert seen.image_urls() == ["https://x.example/p.gif"]


def test_links_of_a_plain_mail_are_found_in_its_text() -> None:
    mail = EmailMessage()
    mail.set_content("See https://x.example/a. Or (https://x.example/b)")
    assert read(mail).link_urls() == ["https://x.example/a", "https://x.example/b"]


def test_a_mail_of_html_alone_is_read_without_its_tags() -> None:
    mail = EmailMessage()
    mail.set_content("<style>p{}</style><p>Fish &amp; chips</p>", subtype="html")
    assert read(mail).text.split() == ["Fish", "&", "chips"]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"gateway": "http://127.0.0.1:8"}, True),
        ({"message_id": "<2@x>"}, True),
        ({"text": "Hello Jean,\n\n could  we talk?\n\nAnna"}, True),
        ({"text": "Hello Jean, could we meet?"}, False),
        ({"subject": "Another question"}, False),
    ],
)
def test_the_digest_is_of_what_is_said(other: dict[str, str], same: bool) -> None:
    first, second = read(make_mail("a@x.example")), read(make_mail("a@x.example", **other))
    assert (first.digest == second.digest) is same


def test_digests_do_not_mix_their_fields_up() -> None:
    assert content_digest("a", "b c") != content_digest("a b", "c")
