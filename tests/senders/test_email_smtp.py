"""SMTP phase by phase: what a relay can do at each, and what is then known of the mail."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cadenza.errors import (
    AmbiguousSendError,
    PermanentSendError,
    SendError,
    SendWithheld,
    TransientSendError,
)
from senders.email_smtp.dialer import Dialer
from senders.email_smtp.mime import MailComposer
from senders.email_smtp.sender import SmtpSender
from senders.email_smtp.settings import smtp_settings
from senders.email_smtp.transaction import deliver
from tests.senders.fake_smtp import RECIPIENT, Act, FakeSmtp


@pytest_asyncio.fixture
async def relay() -> AsyncIterator[FakeSmtp]:
    async with FakeSmtp() as fake:
        yield fake


@pytest_asyncio.fixture
async def sender(relay: FakeSmtp) -> AsyncIterator[SmtpSender]:
    made = SmtpSender.for_account(relay.account())
    await made.open()
    yield made
    await made.close()


async def begin() -> None:
    pass


async def unwanted_begin() -> None:
    pytest.fail("nothing may begin here")


def envelope(number: int) -> list[str]:
    size = len(MailComposer().compose(FakeSmtp().touch(number)).data)
    return [
        f"MAIL FROM:<bounce+{number}@sender.example> SIZE={size}",
        f"RCPT TO:<{RECIPIENT}>",
        "DATA",
    ]


async def test_a_mail_goes_through_in_the_order_of_the_protocol(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    accepted = await sender.send(relay.touch(1), begin)
    await sender.close()
    await relay.until_no_connection()
    assert relay.commands[0].startswith("EHLO ")
    assert relay.commands[1:] == [*envelope(1), "QUIT"]
    assert accepted.provider_id == "<t1@sender.example>"
    assert accepted.detail == "250 2.0.0 Ok: queued as 4711"


@pytest.mark.parametrize(
    "text", [".\n", "a\n.\nb\n", "..\n.", ".a\r\n.\r\n", "é.\n.\n", "RSET\n.\nQUIT\n"]
)
async def test_lines_that_begin_with_a_dot_arrive_unchanged(
    relay: FakeSmtp, sender: SmtpSender, text: str
) -> None:
    touch = relay.touch(1, text=text, html=text)
    await sender.send(touch, begin)
    await sender.send(relay.touch(2), begin)
    unstuffed = (b"\r\n" + relay.mails[0]).replace(b"\r\n..", b"\r\n.")[2:]
    assert unstuffed == MailComposer().compose(touch).data
    assert len(relay.mails) == 2


async def test_a_relay_without_pipelining_is_asked_step_by_step(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    relay.extensions = []
    await sender.send(relay.touch(1), begin)
    assert relay.commands[1] == "MAIL FROM:<bounce+1@sender.example>"
    assert relay.received == ["touch-1"]


async def test_a_relay_that_knows_no_ehlo_is_greeted_with_helo(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    relay.script["EHLO"] = [b"500 what?\r\n"]
    relay.script["HELO"] = [b"250 fake\r\n"]
    await sender.send(relay.touch(1), begin)
    assert relay.received == ["touch-1"]


REFUSALS: list[tuple[str, bytes, type[SendError], str, bool]] = [
    ("MAIL", b"451 4.3.0 later", TransientSendError, "451 4.3.0", False),
    ("MAIL", b"550 5.1.8 sender unknown", TransientSendError, "550 5.1.8", False),
    ("MAIL", b"530 5.7.0 log in first", TransientSendError, "530 5.7.0", False),
    ("MAIL", b"552 5.3.4 too big", PermanentSendError, "552 5.3.4", False),
    ("RCPT", b"450 4.2.0 greylisted", TransientSendError, "450 4.2.0", False),
    ("RCPT", b"452 4.2.2 mailbox full", TransientSendError, "452 4.2.2", False),
    ("RCPT", b"550 5.1.1 unknown", PermanentSendError, "550 5.1.1", True),
    ("RCPT", b"550 5.1.10 null MX", PermanentSendError, "550 5.1.10", True),
    ("RCPT", b"550 no such user", PermanentSendError, "550", False),
    ("RCPT", b"550 5.1.8 sender unknown", TransientSendError, "550 5.1.8", False),
    ("RCPT", b"554 5.7.1 Relay access denied", TransientSendError, "554 5.7.1", False),
    ("RCPT", b"550 5.4.5 Daily limit", TransientSendError, "550 5.4.5", False),
    ("RCPT", b"554 5.7.1 we do not like you", PermanentSendError, "554 5.7.1", False),
    ("DATA", b"451 4.7.1 later", TransientSendError, "451 4.7.1", False),
    ("DATA", b"503 5.5.1 first RCPT", TransientSendError, "503 5.5.1", False),
    ("DATA", b"554 5.6.0 no", PermanentSendError, "554 5.6.0", False),
    ("BODY", b"452 4.3.1 disk full", TransientSendError, "452 4.3.1", False),
    ("BODY", b"554 5.7.1 spam", PermanentSendError, "554 5.7.1", False),
    ("BODY", b"550 5.1.1 unknown after all", PermanentSendError, "550 5.1.1", True),
    ("BODY", b"421 4.3.2 going down", TransientSendError, "421 4.3.2", False),
    ("BODY", b"550-5.7.1 many\r\n550 5.7.1 lines", PermanentSendError, "550 5.7.1", False),
]


@pytest.mark.asyncio(loop_factories=["uvloop"])
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "stepwise"])
@pytest.mark.parametrize(
    ("phase", "reply", "kind", "code", "invalid"),
    REFUSALS,
    ids=[f"{phase}-{reply[:9].decode()}" for phase, reply, *_ in REFUSALS],
)
async def test_a_refusal_is_known_by_phase_and_code(
    relay: FakeSmtp,
    sender: SmtpSender,
    pipelining: bool,
    phase: str,
    reply: bytes,
    kind: type[SendError],
    code: str,
    invalid: bool,
) -> None:
    if not pipelining:
        relay.extensions = []
    relay.script[phase] = [reply + b"\r\n"]
    if phase in ("MAIL", "RCPT"):
        relay.script["DATA"] = [b"554 5.5.1 no valid recipients\r\n"] if pipelining else []
    with pytest.raises(SendError) as caught:
        await sender.send(relay.touch(1), begin if phase == "BODY" else unwanted_begin)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert getattr(caught.value, "recipient_invalid", False) is invalid
    await sender.send(relay.touch(2), begin)
    assert relay.received[-1] == "touch-2"


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA"])
async def test_a_refused_envelope_keeps_the_connection_and_is_reset_before_the_next(
    relay: FakeSmtp, sender: SmtpSender, phase: str
) -> None:
    relay.script[phase] = [b"450 4.2.0 later\r\n"]
    if phase != "DATA":
        relay.script["DATA"] = [b"503 5.5.1 no\r\n"]
    with pytest.raises(TransientSendError):
        await sender.send(relay.touch(1), unwanted_begin)
    await sender.send(relay.touch(2), begin)
    await sender.send(relay.touch(3), begin)
    assert relay.connections == 1
    assert relay.commands[4:] == ["RSET", *envelope(2), *envelope(3)]


async def test_a_relay_that_wants_the_body_of_a_refused_mail_gets_nothing(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    relay.script["RCPT"] = [b"550 5.1.1 unknown\r\n"]
    with pytest.raises(PermanentSendError):
        await sender.send(relay.touch(1), unwanted_begin)
    await relay.until_no_connection()
    assert relay.abandoned == [b""]
    assert relay.mails == []


async def test_a_withheld_mail_leaves_no_octet_behind(relay: FakeSmtp, sender: SmtpSender) -> None:
    async def withhold() -> None:
        raise SendWithheld("stopped")

    with pytest.raises(SendWithheld):
        await sender.send(relay.touch(1), withhold)
    await relay.until_no_connection()
    assert relay.abandoned == [b""]
    assert relay.mails == []


@pytest.mark.parametrize("phase", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("act", list(Act))
async def test_a_relay_lost_before_the_body_is_transient(
    relay: FakeSmtp, phase: str, act: Act
) -> None:
    sender = SmtpSender.for_account(relay.account(timeout_seconds=0.2))
    await sender.open()
    relay.script[phase] = [act]
    with pytest.raises(TransientSendError) as caught:
        await sender.send(relay.touch(1), unwanted_begin)
    assert caught.value.code in ("connect", "connection")
    assert relay.connections == 1
    await sender.close()


GARBAGE = [b"hello\r\n", b"99 x\r\n", b"250" + b"x" * 20_000, b"250 a\r\n" * 100]


@pytest.mark.parametrize("garbage", GARBAGE, ids=["words", "number", "endless", "flood"])
async def test_garbage_before_the_body_is_transient(
    relay: FakeSmtp, sender: SmtpSender, garbage: bytes
) -> None:
    relay.script["MAIL"] = [garbage]
    with pytest.raises(TransientSendError):
        await sender.send(relay.touch(1), unwanted_begin)


@pytest.mark.parametrize("garbage", [*GARBAGE[:3], b"354 go on\r\n"])
async def test_garbage_after_the_body_is_ambiguous(
    relay: FakeSmtp, sender: SmtpSender, garbage: bytes
) -> None:
    relay.script["BODY"] = [garbage]
    with pytest.raises(AmbiguousSendError):
        await sender.send(relay.touch(1), begin)
    await sender.send(relay.touch(2), begin)
    assert relay.connections == 2


async def test_an_answer_in_pieces_and_lines_is_one_answer(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    relay.script["BODY"] = [b"250-2.0.0 first\r\n250-2.0.0 second\r\n250 2.0.0 queued as 7\r\n"]
    relay.drips = True
    accepted = await sender.send(relay.touch(1), begin)
    assert accepted.detail == "250 2.0.0 queued as 7"


async def test_an_acceptance_followed_by_a_goodbye_is_an_acceptance(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    relay.script["BODY"] = [b"250 2.0.0 Ok\r\n421 4.3.2 going down\r\n"]
    await sender.send(relay.touch(1), begin)
    await sender.send(relay.touch(2), begin)
    assert relay.received == ["touch-1", "touch-2"]
    assert relay.connections == 2


@pytest.mark.parametrize("last_words", [b"", b"421 4.3.2 going down\r\n"])
async def test_a_relay_that_hangs_up_while_it_begins_has_received_nothing(
    relay: FakeSmtp, last_words: bytes
) -> None:
    account = relay.account()
    connection = await Dialer(*smtp_settings(account)).dial()
    relay.script["DATA"] = [b"354 go on\r\n" + last_words]

    async def hang_up_meanwhile() -> None:
        await relay.hang_up()
        await connection.closed

    mail = MailComposer().compose(relay.touch(1))
    with pytest.raises(TransientSendError, match="just before"):
        await deliver(connection, mail, hang_up_meanwhile)
    assert not connection.reusable
    assert relay.received == []


async def test_words_out_of_turn_after_354_keep_the_body_back(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    relay.script["DATA"] = [b"354 go on\r\n421 4.3.2 going down\r\n"]
    with pytest.raises(TransientSendError):
        await sender.send(relay.touch(1), begin)
    await relay.until_no_connection()
    assert relay.abandoned == [b""]


async def test_a_mail_larger_than_the_relay_takes_is_not_offered(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    relay.extensions = ["PIPELINING", "SIZE 900"]
    with pytest.raises(PermanentSendError, match="takes 900"):
        await sender.send(relay.touch(1), unwanted_begin)
    assert len(relay.commands) == 1


async def test_an_international_domain_goes_as_a_label(relay: FakeSmtp, sender: SmtpSender) -> None:
    await sender.send(relay.touch(1, recipient="elodie@société.example"), begin)
    assert "RCPT TO:<elodie@xn--socit-esab.example>" in relay.commands
    assert b"<elodie@xn--socit-esab.example>" in relay.mails[0]


async def test_an_international_local_part_needs_smtputf8(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    touch = relay.touch(1, recipient="élodie@société.example")
    with pytest.raises(PermanentSendError, match="SMTPUTF8") as caught:
        await sender.send(touch, unwanted_begin)
    assert not caught.value.recipient_invalid
    await sender.close()
    await sender.open()
    relay.extensions = ["PIPELINING", "8BITMIME", "SMTPUTF8"]
    await sender.send(touch, begin)
    assert relay.commands[-3].endswith("> BODY=8BITMIME SMTPUTF8")
    assert relay.commands[-2] == "RCPT TO:<élodie@xn--socit-esab.example>"


@pytest.mark.parametrize(
    "address", ["a b@x.example", "x", "", "a@b@c", "<a@b.example>", "a\r\nb@c.d"]
)
async def test_an_address_that_is_none_counts_as_invalid(
    relay: FakeSmtp, sender: SmtpSender, address: str
) -> None:
    with pytest.raises(PermanentSendError) as caught:
        await sender.send(relay.touch(1, recipient=address), unwanted_begin)
    assert caught.value.recipient_invalid
    assert relay.connections == 0


async def test_what_the_relay_says_is_kept_short_and_printable(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    relay.script["BODY"] = [b"250 \x1b[31m" + b"\xff" * 500 + b"\r\n"]
    accepted = await sender.send(relay.touch(1), begin)
    assert len(accepted.detail) <= 124
    assert accepted.detail.startswith("250 ?[31m")
