"""Mails as bytes, with the standard library's parser and builder as the oracle."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.errors import PermanentSendError
from cadenza.model import OutboundEmail
from senders.email_smtp.mime import MailComposer
from tests.senders.fake_smtp import email

_ALLOWED_CONTROLS = frozenset(b"\r\n\t")
anything = st.text(max_size=300)
unprintable = st.text(
    alphabet=st.sampled_from(
        '\r\n\x00\x0b\x0c\x1b\x7f\x85\u2028\u2029\ufeff\u200b\u202eé漢😀 .=?_"<>,@:a'
    ),
    max_size=80,
)
header_values = st.one_of(anything, unprintable, st.text(alphabet='é漢a =?_\\"(),.@', max_size=200))
bodies = st.one_of(
    st.text(max_size=2000),
    unprintable,
    st.lists(
        st.sampled_from([".", "..", "--=_x", "From x", "é" * 90, "x" * 1200, "漢字", " ", ""])
    ).map("\n".join),
)


def built(touch: OutboundEmail) -> EmailMessage:
    """The mail as the standard library would build it."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f'"{touch.sender_name}" <{touch.sender_address}>'
    message["To"] = f'"{touch.recipient_name}" <{touch.recipient}>'
    message["Subject"] = touch.subject
    message["Date"] = touch.date
    message["Message-ID"] = touch.message_id
    message["Reply-To"] = touch.reply_to
    message["In-Reply-To"] = touch.in_reply_to
    message["References"] = " ".join(touch.references)
    message["List-Id"] = touch.list_id
    message["List-Unsubscribe"] = f"<{touch.unsubscribe_url}>, <mailto:{touch.unsubscribe_mailto}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(touch.text)
    message.add_alternative(touch.html, subtype="html")
    return message


def parsed(touch: OutboundEmail) -> EmailMessage:
    data = MailComposer().compose(touch).data
    message = message_from_bytes(data, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def content(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    text = body.get_content()
    assert isinstance(text, str)
    return lines_only(text)


def lines_only(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def assert_fit_for_the_wire(data: bytes) -> None:
    assert data.endswith(b"\r\n")
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert not [o for o in set(data) if o > 126 or (o < 32 and o not in _ALLOWED_CONTROLS)]


def test_a_mail_is_what_the_standard_library_would_have_built() -> None:
    touch = email(3)
    ours, theirs = parsed(touch), message_from_bytes(bytes(built(touch)), policy=default)
    assert isinstance(theirs, EmailMessage)
    assert fields(ours) == fields(theirs)
    assert ours.get_content_type() == theirs.get_content_type() == "multipart/alternative"
    for kind in ("plain", "html"):
        assert content(ours, kind) == content(theirs, kind)
    assert [p.get_content_type() for p in ours.iter_parts()] == ["text/plain", "text/html"]
    assert not ours.defects


def fields(message: EmailMessage) -> dict[str, str]:
    return {name: str(v).strip() for name, v in message.items() if name != "Content-Type"}


def test_the_headers_that_let_people_out_are_there() -> None:
    message = parsed(email(1))
    assert message["List-Unsubscribe"] == (
        "<https://c.example/u/abc>, <mailto:unsubscribe+abc@sender.example>"
    )
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "<intro.sender.example>"


def test_without_a_way_out_nothing_claims_one() -> None:
    message = parsed(email(1, unsubscribe_url=None, unsubscribe_mailto=None, list_id=""))
    assert not {"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"} & set(message)


def test_one_click_is_claimed_only_with_a_url() -> None:
    message = parsed(email(1, unsubscribe_url=None))
    assert message["List-Unsubscribe"] == "<mailto:unsubscribe+abc@sender.example>"
    assert "List-Unsubscribe-Post" not in message


def test_a_first_mail_is_no_answer() -> None:
    message = parsed(email(1, in_reply_to=None, references=(), reply_to=None))
    assert not {"In-Reply-To", "References", "Reply-To"} & set(message)


def test_a_mail_without_html_is_plain_text() -> None:
    message = parsed(email(1, html="", text="Élodie a répondu."))
    assert message.get_content_type() == "text/plain"
    assert content(message, "plain").strip() == "Élodie a répondu."


def test_long_threads_are_folded() -> None:
    references = tuple(f"<{n:0200}@sender.example>" for n in range(20))
    data = MailComposer().compose(email(1, references=references)).data
    assert_fit_for_the_wire(data)
    assert message_from_bytes(data, policy=default)["References"].split() == list(references)


@settings(max_examples=300, deadline=None)
@given(subject=header_values, sender=header_values, recipient=header_values)
def test_headers_survive_or_are_refused(subject: str, sender: str, recipient: str) -> None:
    touch = email(1, subject=subject, sender_name=sender, recipient_name=recipient)
    values = (subject, sender, recipient)
    if any(unsafe(value) for value in values):
        with pytest.raises(PermanentSendError):
            MailComposer().compose(touch)
        return
    data = MailComposer().compose(touch).data
    assert_fit_for_the_wire(data)
    head = data.split(b"\r\n\r\n")[0]
    assert fields_of(head) == fields_of(MailComposer().compose(email(1)).data.split(b"\r\n\r\n")[0])
    assert decoded(head, b"Subject") == subject
    assert decoded(head, b"From") == mailbox(sender, touch.sender_address)
    assert decoded(head, b"To") == mailbox(recipient, touch.recipient)


def unsafe(value: str) -> bool:
    return bool(re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", value))


def fields_of(head: bytes) -> list[bytes]:
    return [line.split(b":")[0] for line in head.split(b"\r\n") if line[:1] != b" "]


def decoded(head: bytes, name: bytes) -> str:
    """The value of a field by RFC 5322 and 2047 as a strict reader decodes them.

    The standard library's own decoder differs where it is lenient or
    wrong (it drops blanks and replaces some characters), so headers of
    arbitrary text are read by these few lines.
    """
    unfolded = head.replace(b"\r\n ", b" ").decode("ascii")
    (value,) = [
        f.partition(": ")[2] for f in unfolded.split("\r\n") if f.startswith(name.decode() + ":")
    ]
    value = re.sub(r"(?<=\?=) (?==\?)", "", value)
    value = re.sub(r'"((?:[^"\\]|\\.)*)"(?= <)', lambda m: re.sub(r"\\(.)", r"\1", m[1]), value)
    raw = re.sub(r"=\?utf-8\?([qb])\?([^?]*)\?=", _word, value)
    return raw.encode("latin-1").decode()


def _word(match: re.Match[str]) -> str:
    import base64
    import quopri

    assert len(match[0]) <= 75
    octets = (
        base64.b64decode(match[2], validate=True)
        if match[1] == "b"
        else quopri.decodestring(match[2].replace("_", " "))
    )
    octets.decode()  # RFC 2047 §5: whole characters in each word
    return octets.decode("latin-1")


def mailbox(name: str, address: str) -> str:
    return f"{name} <{address}>" if name else address


@settings(max_examples=100, deadline=None)
@given(
    name=st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "Zs"]), max_size=60),
    subject=st.text(
        alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), max_size=120
    ),
)
def test_the_standard_library_reads_ordinary_names_and_subjects(name: str, subject: str) -> None:
    message = parsed(email(1, recipient_name=name, subject=subject))
    assert message["Subject"] == subject
    assert message["To"].addresses[0].addr_spec == "elodie@prospect.example"
    assert not message.defects


@settings(max_examples=300, deadline=None)
@given(text=bodies, html=bodies)
def test_bodies_survive_whatever_they_hold(text: str, html: str) -> None:
    try:
        text.encode(), html.encode()
    except UnicodeEncodeError:
        with pytest.raises(PermanentSendError):
            MailComposer().compose(email(1, text=text, html=html))
        return
    touch = email(1, text=text, html=html)
    data = MailComposer().compose(touch).data
    assert_fit_for_the_wire(data)
    message = parsed(touch)
    if html:
        assert [p.get_content_type() for p in message.iter_parts()] == ["text/plain", "text/html"]
        assert content(message, "html") == lines_only(html)
        assert content(message, "plain") == lines_only(text)
    else:
        assert content(message, "plain").rstrip("\n") == lines_only(text).rstrip("\n")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Hello\n", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("Bonjour Élodie\n", "quoted-printable"),
        ("nul \x00 here", "quoted-printable"),
        ("--=_looks like a boundary", "quoted-printable"),
        ("こんにちは、田中様。\n", "base64"),
        ("Здравствуйте\n", "base64"),
    ],
)
def test_the_encoding_fits_the_text(text: str, encoding: str) -> None:
    (plain, _) = parsed(email(1, text=text)).iter_parts()
    assert plain["Content-Transfer-Encoding"] == encoding
    assert lines_only(plain.get_content()) == text


@pytest.mark.parametrize("injected", ["\r\nBcc: x@y.example", "\nx", "\rx", "\x00", "a\tb", "\x7f"])
@pytest.mark.parametrize("field", ["subject", "sender_name", "recipient_name"])
def test_a_control_character_in_a_header_is_refused(field: str, injected: str) -> None:
    with pytest.raises(PermanentSendError, match="control character") as caught:
        MailComposer().compose(email(1, **{field: f"Hello {injected}"}))
    assert "Hello" not in caught.value.detail


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message_id", "no-brackets@x.example"),
        ("message_id", "<a@b>\r\nX: y"),
        ("in_reply_to", "<a b@x.example>"),
        ("references", ("<a@b.example>", "<c@d.example>\n")),
        ("list_id", "a b"),
        ("list_id", "<a.b>\r\nX: y"),
        ("unsubscribe_url", "https://x.example/\r\nX: y"),
        ("unsubscribe_url", "https://x.example/> <y"),
        ("unsubscribe_mailto", "a b@x.example"),
        ("sender_address", "a@b.example\r\nX: y"),
        ("envelope_from", "a@b.example> SIZE=1"),
        ("reply_to", "a@b.example, c@d.example"),
        ("subject", "x" * 999),
    ],
)
def test_a_field_of_a_bad_form_is_refused(field: str, value: Any) -> None:
    with pytest.raises(PermanentSendError) as caught:
        MailComposer().compose(email(1, **{field: value}))
    assert caught.value.code in ("header", "address")
    assert not caught.value.recipient_invalid


def test_what_looks_encoded_is_not_decoded_into_something_else() -> None:
    subject = "=?utf-8?q?Hello?= you"
    assert parsed(email(1, subject=subject))["Subject"] == subject


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2025, 3, 9, 8, 5, 1, tzinfo=UTC),
        datetime(2024, 2, 29, 23, 59, 59, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        datetime(2026, 12, 31, 0, 0, tzinfo=timezone(timedelta(hours=-9, minutes=-30))),
    ],
)
def test_the_date_is_as_rfc_5322_wants_it(moment: datetime) -> None:
    expected = format_datetime(moment)
    assert (
        f"\r\nDate: {expected}\r\n".encode() in MailComposer().compose(email(1, date=moment)).data
    )


def test_a_date_without_zone_is_a_bug() -> None:
    with pytest.raises(ValueError, match="time zone"):
        MailComposer().compose(email(1, date=datetime(2025, 1, 1)))  # noqa: DTZ001


def test_a_skeleton_is_compiled_once_and_never_mixes_accounts() -> None:
    composer = MailComposer(skeletons=2)
    composer.compose(email(1))
    composer.compose(email(2))
    info = compiled(composer)
    assert (info().hits, info().misses) == (1, 1)
    other = composer.compose(email(1, sender_name="Jean Petit"))
    assert b"From: Jean Petit <" in other.data
    for number in range(9):
        composer.compose(email(1, skeleton=(number, "a", "b")))
    assert info().currsize == 2


def compiled(composer: MailComposer) -> Callable[[], Any]:
    info: Callable[[], Any] = composer._skeleton.cache_info
    return info


def test_the_boundary_is_the_same_for_a_skeleton_and_in_no_body() -> None:
    first, second = (MailComposer().compose(email(n)).data for n in (1, 2))
    (boundary,) = set(re.findall(rb'boundary="([^"]+)"', first + second))
    hostile = MailComposer().compose(email(1, text=f"a\n--{boundary.decode()}--\nb"))
    message = message_from_bytes(hostile.data, policy=default)
    assert len(list(message.iter_parts())) == 2
