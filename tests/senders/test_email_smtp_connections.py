"""Connections to a relay: kept, given up, replaced."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from cadenza.errors import PermanentSendError, TransientSendError
from senders.email_smtp.dialer import Dialer
from senders.email_smtp.mime import MailComposer
from senders.email_smtp.pool import SmtpPool
from senders.email_smtp.sender import SmtpSender
from senders.email_smtp.settings import smtp_settings
from senders.email_smtp.transaction import deliver
from tests.senders.fake_smtp import Act, FakeSmtp


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


async def goes_stale_by_hanging_up(relay: FakeSmtp) -> None:
    await relay.hang_up()


async def goes_stale_by_saying_so(relay: FakeSmtp) -> None:
    relay.script["MAIL"] = [b"421 4.4.2 idle for too long\r\n"]


async def goes_stale_at_the_next_command(relay: FakeSmtp) -> None:
    relay.script["MAIL"] = [Act.HANG_UP]


@pytest.mark.parametrize(
    "go_stale",
    [goes_stale_by_hanging_up, goes_stale_by_saying_so, goes_stale_at_the_next_command],
)
async def test_a_kept_connection_that_has_died_is_replaced_unnoticed(
    relay: FakeSmtp, sender: SmtpSender, go_stale: Callable[[FakeSmtp], Awaitable[None]]
) -> None:
    await sender.send(relay.touch(1), begin)
    await go_stale(relay)
    begun = 0

    async def count() -> None:
        nonlocal begun
        begun += 1

    await sender.send(relay.touch(2), count)
    assert begun == 1
    assert relay.received == ["touch-1", "touch-2"]
    assert relay.connections == 2


async def test_a_connection_that_cannot_be_reset_is_replaced(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    relay.script["MAIL"] = [b"451 4.3.0 later\r\n"]
    relay.script["RSET"] = [b"502 5.5.2 what?\r\n"]
    relay.script["DATA"] = [b"503 5.5.1 no\r\n", b"503 5.5.1 no\r\n"]
    with pytest.raises(TransientSendError):
        await sender.send(relay.touch(1), unwanted_begin)
    await sender.send(relay.touch(2), begin)
    assert relay.connections == 2


async def test_a_dead_connection_is_replaced_once_and_not_again(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    await sender.send(relay.touch(1), begin)
    relay.script["MAIL"] = [Act.HANG_UP] * 2
    with pytest.raises(TransientSendError):
        await sender.send(relay.touch(2), unwanted_begin)
    assert relay.connections == 2


async def test_a_connection_on_which_the_relay_speaks_unasked_is_given_up(relay: FakeSmtp) -> None:
    connection = await Dialer(*smtp_settings(relay.account())).dial()
    connection.data_received(b"421 4.4.2 idle for too long\r\n")
    assert not connection.reusable
    connection.abort()


async def test_a_connection_is_not_used_after_a_goodbye(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    relay.script["BODY"] = [b"421 4.3.2 going down\r\n"]
    with pytest.raises(TransientSendError):
        await sender.send(relay.touch(1), begin)
    await sender.send(relay.touch(2), begin)
    assert relay.connections == 2


async def test_a_relay_that_talks_without_end_is_hung_up_on(relay: FakeSmtp) -> None:
    relay.script["MAIL"] = [b"250 x\r\n" * 1000]
    connection = await Dialer(*smtp_settings(relay.account())).dial()
    with pytest.raises(TransientSendError):
        await deliver(connection, MailComposer().compose(relay.touch(1)), unwanted_begin)
    await connection.closed


async def test_a_connection_that_died_before_its_first_mail_is_replaced_too(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    with pytest.raises(PermanentSendError):
        await sender.send(relay.touch(1, recipient="é@prospect.example"), unwanted_begin)
    await relay.hang_up()
    await sender.send(relay.touch(2), begin)
    assert relay.connections == 2


async def test_an_idle_connection_is_closed_with_a_goodbye(relay: FakeSmtp) -> None:
    pool = SmtpPool(Dialer(*smtp_settings(relay.account())).dial, max_idle_seconds=0.01)
    connection = await pool.take()
    pool.give_back(connection)
    await connection.closed
    await relay.until_no_connection()
    assert relay.commands[-1] == "QUIT"
    await pool.close()


async def test_a_connection_is_closed_after_so_many_mails(relay: FakeSmtp) -> None:
    pool = SmtpPool(Dialer(*smtp_settings(relay.account())).dial, max_mails=2)
    for number in range(3):
        connection = await pool.take()
        await deliver(connection, MailComposer().compose(relay.touch(number)), begin)
        pool.give_back(connection)
    assert relay.connections == 2
    await pool.close()
    await relay.until_no_connection()


async def test_a_relay_that_ignores_the_goodbye_is_left(relay: FakeSmtp) -> None:
    sender = SmtpSender.for_account(relay.account())
    await sender.open()
    relay.script["QUIT"] = [Act.SAY_NOTHING]
    await sender.send(relay.touch(1), begin)
    await sender.close()


async def test_an_unreachable_relay_is_left_alone_for_a_moment(
    relay: FakeSmtp, sender: SmtpSender
) -> None:
    relay.script["CONNECT"] = [b"554 5.3.2 go away\r\n"]
    for _ in range(3):
        with pytest.raises(
            TransientSendError, match=r"127\.0\.0\.1:\d+ refused the session \(554\)"
        ):
            await sender.send(relay.touch(1), unwanted_begin)
    assert relay.connections == 1


async def test_a_bare_line_break_cannot_be_written(relay: FakeSmtp) -> None:
    connection = await Dialer(*smtp_settings(relay.account())).dial()
    for octets in (b"MAIL\nRCPT\r\n", b"a\rb\r\n", b"\n\r"):
        with pytest.raises(ValueError, match="bare CR or LF"):
            await connection.exchange(octets, 1)
    connection.abort()
    await connection.closed
    assert len(relay.commands) == 1
