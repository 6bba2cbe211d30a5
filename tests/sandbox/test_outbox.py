"""The mail queue delivers, whatever the server does."""

from collections.abc import AsyncIterator

import pytest

from sandbox.mail_composer import OutgoingMail
from sandbox.outbox import Outbox
from sandbox.settings import OutboxSettings
from tests.sandbox.world import DyingServer, Inbound, eventually

MAIL = OutgoingMail("", "b+1@acme.example", "Subject: x\r\n\r\n.dot\r\n..\r\né\r\n".encode())


@pytest.fixture
async def fates() -> list[tuple[str, bool]]:
    return []


@pytest.fixture
async def outbox(inbound: Inbound) -> AsyncIterator[Outbox]:
    outbox = Outbox(OutboxSettings(port=inbound.port), "mx.sandbox.example")
    outbox.start()
    yield outbox
    await outbox.close()


def put(outbox: Outbox, fates: list[tuple[str, bool]], mail: OutgoingMail = MAIL) -> None:
    outbox.put(mail, lambda answer, taken: fates.append((answer, taken)))


async def test_a_mail_arrives_as_it_was_written(
    outbox: Outbox, inbound: Inbound, fates: list[tuple[str, bool]]
) -> None:
    put(outbox, fates)
    assert outbox.pending == 1
    await eventually(lambda: outbox.pending == 0, "the mail is delivered")
    ((sender, recipients, message),) = inbound.mails
    assert (sender, recipients) == ("", ["b+1@acme.example"])
    assert message.get_payload(decode=True) == ".dot\r\n..\r\né\r\n".encode()
    assert fates == [("250 taken", True)]


async def test_a_refusal_for_now_is_tried_again(
    outbox: Outbox, inbound: Inbound, fates: list[tuple[str, bool]]
) -> None:
    inbound.refusals = ["451 4.3.0 later", "421 4.3.2 going down", "452 4.2.2 full"]
    put(outbox, fates)
    await eventually(lambda: outbox.pending == 0, "the mail is delivered")
    assert fates == [("250 taken", True)]
    assert len(inbound.mails) == 1


async def test_a_refusal_for_good_ends_it(
    outbox: Outbox, inbound: Inbound, fates: list[tuple[str, bool]]
) -> None:
    inbound.refusals = ["550 5.7.1 no"]
    put(outbox, fates)
    put(outbox, fates)
    await eventually(lambda: outbox.pending == 0, "both mails have their fate")
    assert sorted(fates) == [("250 taken", True), ("550 5.7.1 no", False)]


async def test_an_address_beyond_ascii_is_delivered(
    outbox: Outbox, inbound: Inbound, fates: list[tuple[str, bool]]
) -> None:
    put(outbox, fates, MAIL._replace(recipient="zoé@acme.example"))
    await eventually(lambda: outbox.pending == 0, "the mail is delivered")
    assert inbound.mails[0][1] == ["zoé@acme.example"]


async def test_a_server_that_is_down_is_waited_for(fates: list[tuple[str, bool]]) -> None:
    dying = await DyingServer.start()
    outbox = Outbox(OutboxSettings(port=dying.port), "mx.sandbox.example")
    outbox.start()
    for _ in range(10):
        put(outbox, fates)
    await eventually(lambda: dying.connections >= 4, "it was tried again")
    assert (outbox.pending, fates) == (10, [])
    await dying.stop()
    inbound = Inbound()
    await inbound.start(dying.port)
    await eventually(lambda: outbox.pending == 0, "the mails are delivered")
    assert len(inbound.mails) == 10
    await outbox.close()
    await inbound.stop()
