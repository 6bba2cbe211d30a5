"""Mail over real sockets: SMTP and LMTP."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import aiosmtplib
import pytest
from prometheus_client import CollectorRegistry

from cadenza.errors import ConfigurationError
from cadenza.model import EventType, TouchId
from events.mailbox import server as server_module
from events.mailbox.mail import Mail
from events.mailbox.mime import MAX_BYTES
from events.mailbox.server import MailboxServer
from events.recording import EventBatcher
from monitoring.metrics import IntakeMetrics
from tests.events.mailbox.mails import (
    BOUNCE_ADDRESS,
    PERSON,
    REPLY_ADDRESS,
    UNSUBSCRIBE_ADDRESS,
    bounce,
    mail,
)
from tests.events.support import LINKS, MAIL_DOMAIN, NOW, SIGNER, MemoryRecorder
from tests.support.clocks import SetClock
from tests.support.eventually import PATIENCE_SECONDS, eventually, in_time


class Mailbox:
    """A running server and what it has stored."""

    def __init__(self, recorder: MemoryRecorder, **options: int) -> None:
        self.recorder = recorder
        self.registry = CollectorRegistry()
        metrics = IntakeMetrics(self.registry)
        self.server = MailboxServer(
            EventBatcher(recorder, metrics),
            SIGNER,
            SetClock(NOW),
            metrics,
            mail_domain=MAIL_DOMAIN,
            host="127.0.0.1",
            port=0,
            **options,
        )

    def client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname="127.0.0.1",
            port=self.server.port,
            start_tls=False,
            timeout=PATIENCE_SECONDS,
        )

    async def talk(self, *lines: bytes) -> list[bytes]:
        """Send lines one by one; returns the last line of each answer, the greeting first."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        answers = [await _answer(reader)]
        for line in lines:
            writer.write(line + b"\r\n")
            answers.append(await _answer(reader))
        writer.close()
        return answers


async def _answer(reader: asyncio.StreamReader) -> bytes:
    async with in_time():
        while (line := await reader.readline())[3:4] == b"-":
            pass
    return line.rstrip()


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    made = Mailbox(MemoryRecorder())
    await made.server.start()
    yield made
    await made.server.stop()


async def test_a_reply_is_stored_before_it_is_acknowledged(mailbox: Mailbox) -> None:
    mailbox.recorder.gate.clear()
    async with mailbox.client() as smtp:
        sending = asyncio.create_task(smtp.sendmail(PERSON, REPLY_ADDRESS, mail("Yes")))

        async def stores() -> bool:
            return bool(mailbox.recorder.calls)

        await eventually(stores)
        assert not sending.done()
        mailbox.recorder.gate.set()
        _, answer = await sending
    assert answer == "2.0.0 stored"
    [event] = mailbox.recorder.events
    assert (event.type, event.data["text"]) == (EventType.REPLIED, "Yes")
    assert event.occurred_at >= NOW


async def test_while_storage_is_down_the_sender_keeps_the_mail(mailbox: Mailbox) -> None:
    mailbox.recorder.down = True
    async with mailbox.client() as smtp:
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await smtp.sendmail(PERSON, REPLY_ADDRESS, mail("Yes"))
        assert refused.value.code == 451
        assert mailbox.recorder.events == []

        mailbox.recorder.down = False
        await smtp.sendmail(PERSON, REPLY_ADDRESS, mail("Yes"))
    assert len(mailbox.recorder.events) == 1


async def test_the_same_mail_again_is_stored_once(mailbox: Mailbox) -> None:
    for _ in range(2):
        async with mailbox.client() as smtp:
            await smtp.sendmail(PERSON, REPLY_ADDRESS, mail("Yes"))
            await smtp.sendmail("", BOUNCE_ADDRESS, bounce())
            await smtp.sendmail(PERSON, UNSUBSCRIBE_ADDRESS, mail("", Subject="unsubscribe"))
    types = [event.type for event in mailbox.recorder.events]
    assert types == [EventType.REPLIED, EventType.BOUNCED, EventType.UNSUBSCRIBED]


async def test_the_null_sender_is_understood(mailbox: Mailbox) -> None:
    answers = await mailbox.talk(
        b"EHLO mx.prospect.example",
        b"MAIL FROM:<>",
        b"RCPT TO:<" + REPLY_ADDRESS.encode() + b">",
        b"DATA",
        b"Subject: hm\r\n\r\nI am away.\r\n.",
        b"QUIT",
    )
    assert [answer[:3] for answer in answers] == [
        b"220", b"250", b"250", b"250", b"354", b"250", b"221",
    ]  # fmt: skip
    assert [event.type for event in mailbox.recorder.events] == [EventType.AUTO_REPLIED]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("ann@in.example.com", b"550 5.1.1"),
        ("postmaster@in.example.com", b"550 5.1.1"),
        ("r." + "a" * 28 + "@in.example.com", b"550 5.1.1"),
        (REPLY_ADDRESS.replace("r.", "b.", 1), b"550 5.1.1"),
        (REPLY_ADDRESS[:-1], b"550 5.7.1"),
        (REPLY_ADDRESS.replace("@", "@sub."), b"550 5.7.1"),
        ("jane@elsewhere.example", b"550 5.7.1"),
        ("jane%elsewhere.example@in.example.com", b"550 5.1.1"),
        ("@in.example.com:jane@elsewhere.example", b"5"),
        ("postmaster", b"550 5.7.1"),
    ],
)
async def test_only_addresses_that_were_made_here_are_taken(
    mailbox: Mailbox, address: str, code: bytes
) -> None:
    answers = await mailbox.talk(
        b"EHLO x", b"MAIL FROM:<a@b.example>", f"RCPT TO:<{address}>".encode(), b"DATA"
    )
    assert answers[3].startswith(code)
    assert answers[4].startswith(b"503")
    assert mailbox.recorder.calls == []


async def test_refused_recipients_are_counted(mailbox: Mailbox) -> None:
    await mailbox.talk(b"EHLO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<x@in.example.com>")
    labels = {"source": "mailbox", "reason": "signature"}
    assert mailbox.registry.get_sample_value("cadenza_events_refused_total", labels) == 1


async def test_servers_may_change_the_case_of_an_address(mailbox: Mailbox) -> None:
    async with mailbox.client() as smtp:
        await smtp.sendmail(PERSON, REPLY_ADDRESS.upper(), mail("Yes"))
    assert len(mailbox.recorder.events) == 1


async def test_a_mail_to_two_touches_is_stored_in_one_commit(mailbox: Mailbox) -> None:
    other = LINKS.reply_address(TouchId(99))
    async with mailbox.client() as smtp:
        await smtp.sendmail(PERSON, [REPLY_ADDRESS, other], mail("To both of you"))
    [call] = mailbox.recorder.calls
    assert len(call) == 2


async def test_more_than_twenty_recipients_are_asked_to_come_apart(mailbox: Mailbox) -> None:
    rcpt = [f"RCPT TO:<{LINKS.reply_address(TouchId(n))}>".encode() for n in range(1, 22)]
    answers = await mailbox.talk(b"EHLO x", b"MAIL FROM:<a@b.example>", *rcpt)
    assert {answer[:3] for answer in answers[3:23]} == {b"250"}
    assert answers[23].startswith(b"452 4.5.3")


async def test_lmtp_is_spoken_on_the_same_port(mailbox: Mailbox) -> None:
    to = b"RCPT TO:<" + REPLY_ADDRESS.encode() + b">"
    other = b"RCPT TO:<" + BOUNCE_ADDRESS.encode() + b">"
    answers = await mailbox.talk(
        b"LHLO relay.example",
        b"MAIL FROM:<jane@prospect.example>",
        to,
        other,
        b"DATA",
        b"Subject: Re: x\r\n\r\nYes\r\n.",
        b"NOOP",  # its answer comes next: there was one answer after the body, for one recipient
    )
    assert [answer[:3] for answer in answers[3:]] == [b"250", b"452", b"354", b"250", b"250"]
    assert len(mailbox.recorder.events) == 1


async def test_lmtp_hears_of_trouble_too(mailbox: Mailbox) -> None:
    mailbox.recorder.down = True
    to = b"RCPT TO:<" + REPLY_ADDRESS.encode() + b">"
    answers = await mailbox.talk(
        b"LHLO x", b"MAIL FROM:<>", to, b"DATA", b"Subject: x\r\n\r\nYes\r\n."
    )
    assert answers[-1].startswith(b"451 4.3.0")


async def test_large_mails_are_refused() -> None:
    small = Mailbox(MemoryRecorder(), max_mail_bytes=10_000)
    await small.server.start()
    try:
        async with small.client() as smtp:
            with pytest.raises(aiosmtplib.SMTPSenderRefused) as declared:
                await smtp.sendmail(
                    PERSON, REPLY_ADDRESS, mail("x" * 20_000), mail_options=["SIZE=20000"]
                )
            assert declared.value.code == 552
            await smtp.execute_command(b"RSET")
            await smtp.execute_command(b"MAIL", b"FROM:<a@b.example>")
            await smtp.execute_command(b"RCPT", b"TO:<" + REPLY_ADDRESS.encode() + b">")
            with pytest.raises(aiosmtplib.SMTPDataError) as undeclared:
                await smtp.data("Subject: x\r\n\r\n" + "line\r\n" * 5_000)
            assert undeclared.value.code == 552
            await smtp.sendmail(PERSON, REPLY_ADDRESS, mail("small"))
        assert len(small.recorder.events) == 1
    finally:
        await small.server.stop()


async def test_lines_longer_than_the_standard_allows_are_read(mailbox: Mailbox) -> None:
    async with mailbox.client() as smtp:
        await smtp.sendmail(PERSON, REPLY_ADDRESS, b"Subject: x\r\n\r\n" + b"word " * 5_000)
    [event] = mailbox.recorder.events
    assert event.data["text"].startswith("word word")


@pytest.mark.parametrize("endless", [b"\r\n", b"x"], ids=["lines", "one line"])
async def test_of_a_long_mail_only_the_beginning_is_kept(
    mailbox: Mailbox, endless: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    parsed = Mail.of

    def counting(raw: bytes) -> Mail:
        seen.append(len(raw))
        return parsed(raw)

    monkeypatch.setattr(Mail, "of", counting)
    long = b"Subject: x\r\n\r\nYes.\r\n" + endless * (3 * MAX_BYTES // 2 // len(endless))
    async with mailbox.client() as smtp:
        await smtp.sendmail(PERSON, REPLY_ADDRESS, long)
    [size] = seen
    assert MAX_BYTES <= size < MAX_BYTES + 256 * 1024
    assert len(mailbox.recorder.events) == 1


@pytest.mark.parametrize("endless", [b"\r\n", b"x"], ids=["lines", "one line"])
async def test_an_endless_mail_is_hung_up_on(
    endless: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_MAX_LINES", 1_000)
    small = Mailbox(MemoryRecorder(), max_mail_bytes=100_000)
    await small.server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", small.server.port)
    try:
        await _answer(reader)
        for line in (b"EHLO x", b"MAIL FROM:<>", f"RCPT TO:<{REPLY_ADDRESS}>".encode(), b"DATA"):
            writer.write(line + b"\r\n")
            await _answer(reader)
        writer.write(endless * 1_000_000)
        with suppress(ConnectionError):  # hung up on while we were still talking: as good
            async with in_time():
                assert (await reader.read()).startswith(b"552")
    finally:
        writer.close()
        await small.server.stop()
    assert small.recorder.events == []


async def test_too_many_connections_are_sent_away() -> None:
    narrow = Mailbox(MemoryRecorder(), max_connections=1)
    await narrow.server.start()
    try:
        async with narrow.client() as smtp:
            await smtp.ehlo()
            await smtp.mail(PERSON)
            await smtp.rcpt(REPLY_ADDRESS)
            assert (await narrow.talk())[0].startswith(b"421 4.3.2")

        async def room_again() -> bool:
            return (await narrow.talk())[0].startswith(b"220")

        await eventually(room_again)
    finally:
        await narrow.server.stop()


async def test_connections_without_mail_for_us_keep_nobody_out() -> None:
    narrow = Mailbox(MemoryRecorder(), max_connections=2)
    await narrow.server.start()
    try:
        strangers = [await asyncio.open_connection("127.0.0.1", narrow.server.port) for _ in "ab"]
        for reader, _ in strangers:
            assert (await reader.readline()).startswith(b"220")
        async with narrow.client() as smtp:
            await smtp.sendmail(PERSON, REPLY_ADDRESS, mail("Yes"))
        async with in_time():
            assert (await strangers[0][0].read()).startswith(b"421 4.3.2")
        for _, writer in strangers:
            writer.close()
    finally:
        await narrow.server.stop()
    assert len(narrow.recorder.events) == 1


async def test_an_address_written_in_many_ways_is_one_recipient(mailbox: Mailbox) -> None:
    prefix, _, rest = REPLY_ADDRESS.partition(".")
    spellings = [f"{prefix}.{rest}", f"{prefix.upper()}.{rest}", f"{prefix}.{rest.upper()}"]
    async with mailbox.client() as smtp:
        await smtp.sendmail(PERSON, spellings, mail("Yes"))
    assert [len(events) for events in mailbox.recorder.calls] == [1]


async def test_a_bug_leaves_the_mail_with_its_sender(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise ValueError("the words of jane@prospect.example")

    monkeypatch.setattr(server_module, "interpret_for", broken)
    async with mailbox.client() as smtp:
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await smtp.sendmail(PERSON, REPLY_ADDRESS, mail("Yes"))
    assert refused.value.code == 451
    assert "jane" not in refused.value.message


async def test_nothing_of_a_mail_gets_into_the_logs(
    mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with mailbox.client() as smtp:
            await smtp.sendmail(PERSON, REPLY_ADDRESS, mail("a secret"))
            with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
                await smtp.sendmail(PERSON, "x@in.example.com", mail("a secret"))
    theirs = [record for record in caplog.records if not record.name.startswith("aiosmtplib")]
    logged = "\n".join(record.getMessage() for record in theirs)
    for word in ("secret", PERSON, REPLY_ADDRESS, "x@in.example.com"):
        assert word not in logged


async def test_unknown_commands_and_auth_are_refused(mailbox: Mailbox) -> None:
    answers = await mailbox.talk(b"EHLO x", b"AUTH PLAIN AGEAYg==", b"TURN", b"VRFY jane")
    assert answers[2][:1] == b"5"
    assert answers[3][:1] == b"5"
    assert answers[4][:3] in (b"252", b"502")


async def test_smuggled_ends_of_mail_are_no_ends(mailbox: Mailbox) -> None:
    second = f"MAIL FROM:<a@b.example>\r\nRCPT TO:<{BOUNCE_ADDRESS}>\r\nDATA\r\nx\r\n"
    answers = await mailbox.talk(
        b"EHLO x",
        b"MAIL FROM:<jane@prospect.example>",
        b"RCPT TO:<" + REPLY_ADDRESS.encode() + b">",
        b"DATA",
        b"Subject: x\r\n\r\nYes\n.\n" + second.encode() + b".",
        b"NOOP",
    )
    assert [answer[:3] for answer in answers[-2:]] == [b"250", b"250"]
    assert len(mailbox.recorder.events) == 1


async def test_an_address_that_is_taken_stops_at_boot(mailbox: Mailbox) -> None:
    second = Mailbox(MemoryRecorder())
    second.server = MailboxServer(
        EventBatcher(second.recorder, IntakeMetrics(CollectorRegistry())),
        SIGNER,
        SetClock(NOW),
        IntakeMetrics(CollectorRegistry()),
        mail_domain=MAIL_DOMAIN,
        host="127.0.0.1",
        port=mailbox.server.port,
    )
    with pytest.raises(ConfigurationError, match="CADENZA_MAILBOX_PORT"):
        await second.server.start()


async def test_stopping_ends_open_connections_and_can_be_repeated() -> None:
    made = Mailbox(MemoryRecorder())
    await made.server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", made.server.port)
    await reader.readline()
    await made.server.stop()
    assert await reader.read() == b""
    writer.close()
    await made.server.stop()
