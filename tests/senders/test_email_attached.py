"""Mails with files: what arrives, read by the standard library and taken by a real server."""

from collections.abc import Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.accounts import SenderAccount
from cadenza.errors import PermanentSendError
from cadenza.model import Attachment, Channel
from sandbox.main import Sandbox
from sandbox.settings import SandboxSettings
from senders.email_smtp.attached import MOST_OCTETS, attached_part
from senders.email_smtp.mime import MailComposer
from senders.email_smtp.sender import SmtpSender
from tests.senders.fake_smtp import email
from tests.senders.test_email_mime import assert_fit_for_the_wire, content, fields

PDF = Attachment(name="guide.pdf", content=bytes(range(256)) * 40, media_type="application/pdf")
NOTES = Attachment(name="notes.txt", content=b".\r\nhi\n\x00", media_type="text/plain")


def parsed(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def files(message: EmailMessage) -> list[tuple[str | None, str, bytes]]:
    found = []
    for part in message.iter_attachments():
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        found.append((part.get_filename(), part.get_content_type(), payload))
    return found


def expected(attachments: Sequence[Attachment]) -> list[tuple[str | None, str, bytes]]:
    return [(a.name, a.media_type, a.content) for a in attachments]


def test_files_come_behind_text_and_html() -> None:
    data = MailComposer().compose(email(1, attachments=(PDF, NOTES))).data
    assert_fit_for_the_wire(data)
    message = parsed(data)
    assert message.get_content_type() == "multipart/mixed"
    first, *_ = message.iter_parts()
    assert first.get_content_type() == "multipart/alternative"
    assert files(message) == expected((PDF, NOTES))
    for kind, text in (("plain", email(1).text), ("html", email(1).html)):
        assert content(message, kind) == text


def test_header_and_body_are_those_of_a_mail_without_files() -> None:
    plain = MailComposer().compose(email(1)).data
    data = MailComposer().compose(email(1, attachments=(PDF,))).data
    assert fields(parsed(data)) == fields(parsed(plain))
    assert plain.partition(b"Content-Type:")[0] == data.partition(b"Content-Type:")[0]


def test_a_mail_of_text_alone_may_have_files_too() -> None:
    message = parsed(MailComposer().compose(email(1, html="", attachments=(NOTES,))).data)
    assert [p.get_content_type() for p in message.iter_parts()] == ["text/plain", "text/plain"]
    assert files(message) == expected((NOTES,))


def test_no_boundary_begins_like_the_other() -> None:
    """A line that begins with a boundary is one (RFC 2046 §5.1.1)."""
    message = parsed(MailComposer().compose(email(1, attachments=(PDF,))).data)
    first, *_ = message.iter_parts()
    outer, inner = message.get_boundary(), first.get_boundary()
    assert outer
    assert inner
    assert not outer.startswith(inner)
    assert not inner.startswith(outer)


@pytest.mark.parametrize(
    "name",
    [
        "Angebot für Zoë.pdf",
        "見積書.pdf",
        'a "b";c=d.pdf',
        "x" * 150 + ".pdf",
        "a b.pdf",
        "=?x?=.pdf",
    ],
)
def test_any_name_of_a_file_arrives_as_it_is(name: str) -> None:
    wanted = Attachment(name=name, content=b"x", media_type="application/pdf")
    data = MailComposer().compose(email(1, attachments=(wanted,))).data
    assert_fit_for_the_wire(data)
    assert files(parsed(data)) == expected((wanted,))


@pytest.mark.parametrize(
    "name",
    ["", "a\r\nBcc: x@y.example", "a\nb", "a\x00b", "../a", "a/b", "a\\b", "x" * 201, "\ud800"],
)
def test_a_name_that_is_none_is_refused_and_adds_no_header(name: str) -> None:
    wicked = Attachment(name=name, content=b"x", media_type="application/pdf")
    with pytest.raises(PermanentSendError) as caught:
        MailComposer().compose(email(1, attachments=(wicked,)))
    assert caught.value.code == "attachment"


def test_a_type_that_is_none_is_refused() -> None:
    wicked = Attachment(name="a.pdf", content=b"x", media_type="application/pdf\r\nBcc: x")
    with pytest.raises(PermanentSendError):
        MailComposer().compose(email(1, attachments=(wicked,)))


def test_too_much_is_refused() -> None:
    large = Attachment(
        name="a.bin", content=b"x" * (MOST_OCTETS + 1), media_type="application/octet-stream"
    )
    with pytest.raises(PermanentSendError, match="larger than 7168 KiB"):
        MailComposer().compose(email(1, attachments=(large,)))


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=3000), text=st.text(max_size=200))
def test_contents_survive_whatever_they_hold(content: bytes, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    carried = Attachment(name="a.bin", content=content, media_type="application/octet-stream")
    data = MailComposer().compose(email(1, text=text, attachments=(carried, PDF))).data
    assert_fit_for_the_wire(data)
    assert files(parsed(data)) == expected((carried, PDF))


def test_the_same_file_is_encoded_once() -> None:
    attached_part.cache_clear()
    for number in range(3):
        MailComposer().compose(email(number, attachments=(PDF,)))
    assert attached_part.cache_info().misses == 1


async def test_a_real_server_takes_a_mail_with_files(tmp_path: Path) -> None:
    sandbox = Sandbox(
        SandboxSettings.model_validate(
            {"var_dir": str(tmp_path), "smtp": {"rep_domains": ["reps.example"]}}
        )
    )
    await sandbox.start()
    account = SenderAccount(
        id="chloe",
        channel=Channel.EMAIL,
        provider="smtp",
        address="chloe@sender.example",
        settings={"host": "127.0.0.1", "port": sandbox.ports["smtp"], "tls": "none"},
    )
    sender = SmtpSender.for_account(account)
    await sender.open()

    async def begin() -> None:
        pass

    large = Attachment(
        name="größe.bin", content=b"\r\n.\r\n" * 300_000, media_type="application/octet-stream"
    )
    try:
        touch = email(1, recipient="anna@reps.example", attachments=(PDF, large))
        await sender.send(touch, begin)
    finally:
        await sender.close()
        await sandbox.close()
    assert files(parsed(mailbox(tmp_path))) == expected((PDF, large))


def mailbox(folder: Path) -> bytes:
    """The one mail that reps got."""
    (kept,) = folder.rglob("new/*.eml")
    return kept.read_bytes()
