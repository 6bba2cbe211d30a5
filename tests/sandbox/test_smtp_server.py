"""The mail server, byte by byte."""

import asyncio
import contextlib
import ssl
from pathlib import Path

import aiosmtplib
import pytest

from sandbox.ledger import Received
from sandbox.main import Sandbox
from tests.sandbox.conftest import Begin
from tests.sandbox.world import at_rest, eventually, make_mail, send_mail

CERTIFICATE = Path(__file__).parent / "localhost.pem"


class RawClient:
    """Speaks SMTP in whatever bytes the test likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, sandbox: Sandbox, *, greet: bool = True) -> "RawClient":
        client = cls(*await asyncio.open_connection("127.0.0.1", sandbox.ports["smtp"]))
        assert (await client.answer()).startswith("220 ")
        if greet:
            await client.say(b"EHLO test\r\n")
        return client

    async def answer(self) -> str:
        """Return the next whole answer; nothing when the server has hung up."""
        lines = []
        while line := await self.reader.readline():
            lines.append(line.decode())
            if line[3:4] == b" ":
                break
        return "".join(lines).rstrip()

    async def say(self, data: bytes) -> str:
        self.writer.write(data)
        return await self.answer()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def received(sandbox: Sandbox) -> list[Received]:
    return [row for row in sandbox.ledger.after(0, 1000) if isinstance(row, Received)]


async def test_a_mail_is_taken_and_written_down(begin: Begin) -> None:
    sandbox = await begin()
    mail = make_mail("Jean@Customer.example")
    await send_mail(sandbox, mail)
    (row,) = received(sandbox)
    assert (row.channel, row.to, row.key) == (
        "email",
        "jean@customer.example",
        "<touch-1@acme.example>",
    )
    assert row.account == "anna@acme.example"
    assert row.sender == "b+1@acme.example"
    assert row.rejected is None
    assert row.text_chars > 10


async def test_pipelined_commands_are_answered_in_order(begin: Begin) -> None:
    client = await RawClient.connect(await begin())
    client.writer.write(
        b"MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<c@d.example>\r\n"
        b"RCPT TO:<broken>\r\nDATA\r\n"
    )
    answers = [await client.answer() for _ in range(4)]
    assert [answer[:3] for answer in answers] == ["250", "250", "501", "354"]
    assert (await client.say(b"Subject: x\r\n\r\nhi\r\n.\r\nQUIT\r\n")).startswith("250 ")
    assert (await client.answer()).startswith("221 ")
    await client.close()


async def test_a_content_that_comes_byte_by_byte_is_put_together(begin: Begin) -> None:
    sandbox = await begin()
    client = await RawClient.connect(sandbox)
    await client.say(b"MAIL FROM:<a@b.example>\r\n")
    await client.say(b"RCPT TO:<c@d.example>\r\n")
    await client.say(b"DATA\r\n")
    for byte in b"Message-ID: <1@x>\r\n\r\n..dot\r\n.\r\n":
        client.writer.write(bytes([byte]))
        await client.writer.drain()
        await asyncio.sleep(0)
    assert (await client.answer()).startswith("250 ")
    assert received(sandbox)[0].size == len(b"Message-ID: <1@x>\r\n\r\n.dot\r\n")
    await client.close()


@pytest.mark.parametrize("content", [b"a\nb", b"a\rb", b"x\n.\nMAIL FROM:<evil@x>"])
async def test_bare_line_ends_in_a_content_are_refused(begin: Begin, content: bytes) -> None:
    sandbox = await begin()
    client = await RawClient.connect(sandbox)
    await client.say(b"MAIL FROM:<a@b.example>\r\n")
    await client.say(b"RCPT TO:<c@d.example>\r\n")
    await client.say(b"DATA\r\n")
    assert (await client.say(b"Subject: x\r\n\r\n" + content + b"\r\n.\r\n")).startswith(
        "550 5.5.2"
    )
    assert await client.answer() == ""
    assert [row.rejected for row in received(sandbox)] == [
        "550 5.5.2 Error: bare <LF> or <CR> received"
    ]
    await client.close()


async def test_a_command_that_ends_in_a_bare_lf_ends_the_session(begin: Begin) -> None:
    client = await RawClient.connect(await begin())
    assert (await client.say(b"NOOP\n")).startswith("521 5.5.2")
    assert await client.answer() == ""
    await client.close()


async def test_an_endless_line_ends_the_session(begin: Begin) -> None:
    client = await RawClient.connect(await begin())
    assert (await client.say(b"NOOP " + b"x" * 5000)).startswith("500 5.5.6")
    await client.close()


async def test_too_large_a_mail_is_refused_before_and_after_its_content(begin: Begin) -> None:
    sandbox = await begin(smtp={"size_limit_bytes": 1000})
    client = await RawClient.connect(sandbox)
    assert (await client.say(b"MAIL FROM:<a@b.example> SIZE=1001\r\n")).startswith("552 5.3.4")
    await client.say(b"MAIL FROM:<a@b.example>\r\n")
    await client.say(b"RCPT TO:<c@d.example>\r\n")
    await client.say(b"DATA\r\n")
    assert (await client.say(b"x" * 1500 + b"\r\n.\r\n")).startswith("552 5.3.4")
    assert (await client.say(b"NOOP\r\n")).startswith("250 ")
    await client.close()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (b"MAIL FROM:a@b.example\r\n", "501"),
        (b"MAIL FROM:<a b@c.example>\r\n", "501"),
        (b"MAIL FROM:<a@b.example> NOTIFY=NEVER\r\n", "555"),
        ("MAIL FROM:<ö@b.example>\r\n".encode(), "553"),
        (b"RCPT TO:<c@d.example>\r\n", "503"),
        (b"DATA\r\n", "503"),
        (b"EHLO\r\n", "501"),
        (b"STARTTLS\r\n", "502"),
        (b"AUTH PLAIN AGEAYg==\r\n", "502"),
        (b"FLY\r\n", "500"),
        (b"RSET\r\n", "250"),
        (b"VRFY someone\r\n", "252"),
        (b"MAIL FROM:<>\r\n", "250"),
        ("MAIL FROM:<ö@b.example> SMTPUTF8\r\n".encode(), "250"),
    ],
)
async def test_commands_get_their_reply_codes(begin: Begin, command: bytes, code: str) -> None:
    client = await RawClient.connect(await begin())
    assert (await client.say(command))[:3] == code
    await client.close()


async def test_nothing_is_taken_before_the_greeting(begin: Begin) -> None:
    client = await RawClient.connect(await begin(), greet=False)
    assert (await client.say(b"MAIL FROM:<a@b.example>\r\n")).startswith("503 ")
    assert (await client.say(b"HELO old\r\n")).startswith("250 ")
    assert (await client.say(b"MAIL FROM:<a@b.example>\r\n")).startswith("250 ")
    await client.close()


async def test_a_client_that_only_errs_is_sent_away(begin: Begin) -> None:
    client = await RawClient.connect(await begin())
    answers = [await client.say(b"FLY\r\n") for _ in range(21)]
    assert answers[-1].startswith("421 ")
    assert await client.answer() == ""
    await client.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
async def test_accounts_must_authenticate(begin: Begin, mechanism: str) -> None:
    sandbox = await begin(smtp={"accounts": {"anna": "sécret"}})
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=sandbox.ports["smtp"], start_tls=False)
    async with client:
        with pytest.raises(aiosmtplib.SMTPSenderRefused, match=r"5\.7\.0"):
            await client.mail("anna@acme.example")
        authenticate = client.auth_plain if mechanism == "PLAIN" else client.auth_login
        with pytest.raises(aiosmtplib.SMTPAuthenticationError, match=r"5\.7\.8"):
            await authenticate("anna", "wrong")
        await authenticate("anna", "sécret")
        await client.sendmail("b@acme.example", ["c@d.example"], b"Subject: x\r\n\r\nhi\r\n")
    assert received(sandbox)[0].account == "anna"


async def test_an_authentication_can_be_called_off(begin: Begin) -> None:
    client = await RawClient.connect(await begin(smtp={"accounts": {"anna": "secret"}}))
    assert await client.say(b"AUTH LOGIN\r\n") == "334 VXNlcm5hbWU6"
    assert (await client.say(b"*\r\n")).startswith("501 ")
    assert (await client.say(b"AUTH CRAM-MD5\r\n")).startswith("504 ")
    assert (await client.say(b"NOOP\r\n")).startswith("250 ")
    await client.close()


async def test_starttls_comes_before_auth(begin: Begin) -> None:
    sandbox = await begin(smtp={"accounts": {"anna": "s"}, "tls_cert": str(CERTIFICATE)})
    trust = ssl.create_default_context(cafile=CERTIFICATE)
    client = aiosmtplib.SMTP(
        hostname="127.0.0.1", port=sandbox.ports["smtp"], start_tls=False, tls_context=trust
    )
    async with client:
        await client.ehlo()
        assert client.supports_extension("starttls")
        assert not client.supports_extension("auth")
        await client.starttls()
        await client.ehlo()
        assert not client.supports_extension("starttls")
        await client.login("anna", "s")
        await client.sendmail("b@acme.example", ["c@d.example"], b"Subject: x\r\n\r\nhi\r\n")
    assert len(received(sandbox)) == 1


async def test_what_is_piped_behind_starttls_is_thrown_away(begin: Begin) -> None:
    sandbox = await begin(smtp={"tls_cert": str(CERTIFICATE)})
    client = await RawClient.connect(sandbox)
    assert (await client.say(b"STARTTLS\r\nMAIL FROM:<evil@x.example>\r\n")).startswith("220 ")
    trust = ssl.create_default_context(cafile=CERTIFICATE)
    await client.writer.start_tls(trust, server_hostname="localhost")
    assert (await client.say(b"EHLO test\r\n")).startswith("250-")
    assert (await client.say(b"RCPT TO:<c@d.example>\r\n")).startswith("503 ")
    await client.close()


async def test_mail_to_a_rep_goes_into_the_reps_mailbox(begin: Begin) -> None:
    sandbox = await begin(smtp={"rep_domains": ["reps.example"]})
    await send_mail(sandbox, make_mail("../../Anna@Reps.example"), to="../../Anna@Reps.example")
    (row,) = received(sandbox)
    assert row.channel == "rep_mail"
    (stored,) = (sandbox.settings.var_dir / "mailboxes").rglob("*.eml")
    assert stored.parent.name == "new"
    assert b"could we talk?" in stored.read_bytes()
    assert sandbox.agenda.pending == 0


async def test_the_first_mails_are_kept_for_looking_at(begin: Begin) -> None:
    sandbox = await begin(smtp={"keep_mails": 1})
    await send_mail(sandbox, make_mail("a@x.example"))
    await send_mail(sandbox, make_mail("b@x.example"))
    (kept,) = (sandbox.settings.var_dir / "mails").iterdir()
    assert b"To: Jean Dupont <a@x.example>" in kept.read_bytes()


async def test_fault_accept_then_drop_takes_the_mail_without_an_answer(begin: Begin) -> None:
    sandbox = await begin()
    sandbox.faults.smtp.accept_then_drop = 1
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send_mail(sandbox, make_mail("a@x.example"))
    (row,) = received(sandbox)
    assert (row.rejected, row.note) == (None, "answer dropped")
    await send_mail(sandbox, make_mail("b@x.example"))
    assert len(received(sandbox)) == 2


async def test_fault_4xx_at_data_refuses_for_now(begin: Begin) -> None:
    sandbox = await begin()
    sandbox.faults.smtp.reply_4xx_at_data = 1
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await send_mail(sandbox, make_mail("a@x.example"))
    assert refused.value.code == 451
    assert received(sandbox)[0].rejected == "451 4.3.0 Try again later"


async def test_fault_close_before_354_takes_nothing(begin: Begin) -> None:
    sandbox = await begin()
    sandbox.faults.smtp.close_before_354 = 1
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send_mail(sandbox, make_mail("a@x.example"))
    assert received(sandbox) == []
    assert at_rest(sandbox)
    assert sandbox.activity.in_progress == 0


async def test_fault_delay_answers_late_and_counts_as_in_progress(begin: Begin) -> None:
    sandbox = await begin()
    sandbox.faults.smtp.delay_ms = 30
    client = await RawClient.connect(sandbox)
    await client.say(b"MAIL FROM:<a@b.example>\r\n")
    await client.say(b"RCPT TO:<c@d.example>\r\n")
    await client.say(b"DATA\r\n")
    client.writer.write(b"Subject: x\r\n\r\nhi\r\n.\r\nNOOP\r\n")
    await eventually(lambda: len(received(sandbox)) == 1, "the mail is taken")
    assert sandbox.activity.in_progress == 1
    assert (await client.answer()).startswith("250 2.0.0 Ok: queued")
    assert (await client.answer()).startswith("250 2.0.0 Ok")
    assert sandbox.activity.in_progress == 0
    await client.close()


async def test_a_client_that_vanishes_leaves_nothing_in_progress(begin: Begin) -> None:
    sandbox = await begin()
    client = await RawClient.connect(sandbox)
    await client.say(b"MAIL FROM:<a@b.example>\r\n")
    assert sandbox.activity.in_progress == 0
    await client.say(b"RCPT TO:<someone@else.example>\r\n")
    assert sandbox.activity.in_progress == 1
    await client.close()
    await eventually(lambda: sandbox.activity.in_progress == 0, "the session is forgotten")
