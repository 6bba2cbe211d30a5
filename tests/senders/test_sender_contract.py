"""What `cadenza.abc.Sender` promises, for every sender that the registry finds."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
import pytest_asyncio

from cadenza.abc import Sender
from cadenza.accounts import SenderAccount
from cadenza.errors import (
    AmbiguousSendError,
    ConfigurationError,
    PermanentSendError,
    SendError,
    SendWithheld,
    TransientSendError,
)
from cadenza.model import Accepted, Channel, OutboundEmail, OutboundSms
from senders.registry import sender_type, sender_types
from senders.webhook_http import WebhookSender
from tests.senders.fakes import FAKES
from tests.senders.servers import FakeProvider, Fault
from tests.support.eventually import eventually

QUICK_FAULTS = [fault for fault in Fault if fault is not Fault.SILENT]


class Begin:
    """A journal that counts; `outcome` is raised if it is set."""

    def __init__(self, outcome: BaseException | None = None) -> None:
        self.outcome = outcome
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1
        if self.outcome is not None:
            raise self.outcome


@pytest_asyncio.fixture(params=list(sender_types()), ids=lambda key: key[1])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeProvider]:
    key: tuple[Channel, str] = request.param
    if key not in FAKES:
        pytest.fail(f"write a FakeProvider for {key} in tests/senders/fakes.py")
    async with FAKES[key]() as provider:
        yield provider


@pytest_asyncio.fixture
async def sender(fake: FakeProvider) -> AsyncIterator[Sender]:
    async with opened(fake.account()) as made:
        yield made


@pytest_asyncio.fixture
async def impatient(fake: FakeProvider) -> AsyncIterator[Sender]:
    """A sender that waits 0.6 s for an answer."""
    async with opened(fake.account(timeout_seconds=0.6)) as made:
        yield made


@asynccontextmanager
async def opened(account: SenderAccount) -> AsyncIterator[Sender]:
    made = sender_type(account).for_account(account)
    await made.open()
    yield made
    await made.close()


async def test_a_touch_is_taken_over_once(fake: FakeProvider, sender: Sender) -> None:
    accepted = await sender.send(fake.touch(1), Begin())
    assert isinstance(accepted, Accepted)
    assert accepted.provider_id
    assert fake.received == ["touch-1"]


async def test_begin_is_awaited_once_before_anything_arrived(
    fake: FakeProvider, sender: Sender
) -> None:
    arrived: list[int] = []

    async def begin() -> None:
        arrived.append(fake.arrived)
        await asyncio.sleep(0)

    await sender.send(fake.touch(), begin)
    assert arrived == [0]
    assert fake.arrived == 1


@pytest.mark.parametrize("outcome", [SendWithheld("stopped"), OSError("the journal is away")])
async def test_what_begin_raises_is_passed_on_and_nothing_leaves(
    fake: FakeProvider, sender: Sender, outcome: Exception
) -> None:
    with pytest.raises(type(outcome)) as caught:
        await sender.send(fake.touch(1), Begin(outcome))
    assert caught.value is outcome
    await sender.send(fake.touch(2), Begin())
    await sender.close()
    await fake.until_no_connection()
    assert fake.received == ["touch-2"]
    assert fake.arrived == 1


async def test_a_time_out_of_the_journal_is_not_taken_for_one_of_the_provider(
    fake: FakeProvider, sender: Sender
) -> None:
    with pytest.raises(TimeoutError, match="the journal"):
        await sender.send(fake.touch(1), Begin(TimeoutError("the journal is slow")))
    assert fake.arrived == 0


async def test_the_time_that_the_journal_takes_is_not_the_providers(
    fake: FakeProvider, impatient: Sender
) -> None:
    async def slow_begin() -> None:
        await asyncio.sleep(0.7)

    await impatient.send(fake.touch(1), slow_begin)
    assert fake.received == ["touch-1"]


async def test_a_send_cancelled_while_it_begins_has_not_left(
    fake: FakeProvider, sender: Sender
) -> None:
    begun = asyncio.Event()

    async def begin() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(sender.send(fake.touch(1), begin))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await sender.close()
    await fake.until_no_connection()
    assert fake.arrived == 0


async def test_a_send_cancelled_after_the_body_is_ambiguous(
    fake: FakeProvider, sender: Sender
) -> None:
    async with fake.holding_answers():
        task = asyncio.create_task(sender.send(fake.touch(1), Begin()))
        await fake.until_arrived(1)
        task.cancel()
        with pytest.raises(AmbiguousSendError):
            await task


async def test_a_provider_that_hangs_up_after_the_body_is_ambiguous(
    fake: FakeProvider, sender: Sender
) -> None:
    fake.fault = Fault.HANGS_UP
    begin = Begin()
    with pytest.raises(AmbiguousSendError):
        await sender.send(fake.touch(1), begin)
    assert begin.count == 1
    assert fake.arrived == 1


async def test_a_provider_that_falls_silent_after_the_body_is_ambiguous(
    fake: FakeProvider, impatient: Sender
) -> None:
    fake.fault = Fault.SILENT
    begin = Begin()
    with pytest.raises(AmbiguousSendError) as caught:
        await impatient.send(fake.touch(1), begin)
    assert begin.count == 1
    assert fake.arrived == 1
    no_names_in(caught.value, fake)
    fake.fault = None
    for _ in range(20):  # a busy machine may take longer than it has patience
        with suppress(TransientSendError):
            await impatient.send(fake.touch(2), begin)
            break
    assert fake.received == ["touch-2"]


async def test_an_unreachable_provider_is_transient_and_nothing_begins(
    fake: FakeProvider, sender: Sender
) -> None:
    await fake.stop()
    begin = Begin()
    with pytest.raises(TransientSendError) as caught:
        await sender.send(fake.touch(1), begin)
    assert caught.value.retry_after is not None
    assert begin.count == 0
    no_names_in(caught.value, fake)


async def test_a_busy_provider_is_transient_and_says_when_to_come_back(
    fake: FakeProvider, sender: Sender
) -> None:
    fake.fault = Fault.BUSY
    with pytest.raises(TransientSendError) as caught:
        await sender.send(fake.touch(1), Begin())
    assert caught.value.retry_after is not None
    assert caught.value.code


async def test_a_refused_touch_is_permanent(fake: FakeProvider, sender: Sender) -> None:
    fake.fault = Fault.REFUSES
    with pytest.raises(PermanentSendError) as caught:
        await sender.send(fake.touch(1), Begin())
    assert not caught.value.recipient_invalid
    assert caught.value.code


async def test_a_recipient_that_does_not_exist_is_told(fake: FakeProvider, sender: Sender) -> None:
    if isinstance(sender, WebhookSender):
        pytest.skip("a webhook reaches no person")
    fake.fault = Fault.NO_SUCH_RECIPIENT
    with pytest.raises(PermanentSendError) as caught:
        await sender.send(fake.touch(1), Begin())
    assert caught.value.recipient_invalid


async def test_a_refused_account_does_not_burn_the_touch(
    fake: FakeProvider, sender: Sender
) -> None:
    fake.fault = Fault.REFUSES_ACCOUNT
    with pytest.raises(TransientSendError, match="account trouble"):
        await sender.send(fake.touch(1), Begin())


@pytest.mark.parametrize("fault", QUICK_FAULTS)
async def test_the_next_touch_is_sent_after_any_fault(
    fake: FakeProvider, sender: Sender, fault: Fault
) -> None:
    if fault is Fault.NO_SUCH_RECIPIENT and isinstance(sender, WebhookSender):
        pytest.skip("a webhook reaches no person")
    fake.fault = fault
    with pytest.raises(SendError):
        await sender.send(fake.touch(1), Begin())
    fake.fault = None
    await sender.send(fake.touch(2), Begin())
    assert fake.received == ["touch-2"]


async def test_no_more_sends_are_under_way_than_the_sender_says(
    fake: FakeProvider, sender: Sender
) -> None:
    bound = sender.features.concurrency
    begin = Begin()
    async with fake.holding_answers():
        tasks = [asyncio.create_task(sender.send(fake.touch(n), begin)) for n in range(3 * bound)]
        await fake.until_arrived(bound)
        for _ in range(50):  # whoever could come too would come now
            await asyncio.sleep(0)
        assert begin.count == bound
    await asyncio.gather(*tasks)
    assert fake.most_at_once == bound
    assert sorted(fake.received) == sorted(f"touch-{n}" for n in range(3 * bound))


async def test_closing_waits_for_what_is_in_flight(fake: FakeProvider, sender: Sender) -> None:
    async with fake.holding_answers():
        task = asyncio.create_task(sender.send(fake.touch(1), Begin()))
        await fake.until_arrived(1)
        closing = [asyncio.create_task(sender.close()) for _ in range(2)]
        for _ in range(50):
            await asyncio.sleep(0)
        assert not any(c.done() for c in closing)
    await asyncio.gather(task, *closing)
    await fake.until_no_connection()
    assert fake.received == ["touch-1"]


async def test_open_and_close_may_be_called_again(fake: FakeProvider, sender: Sender) -> None:
    await sender.open()
    await sender.send(fake.touch(1), Begin())
    await sender.close()
    await sender.close()
    begin = Begin()
    with pytest.raises(TransientSendError, match="not open"):
        await sender.send(fake.touch(2), begin)
    assert begin.count == 0
    await sender.open()
    await sender.send(fake.touch(3), Begin())
    assert fake.received == ["touch-1", "touch-3"]


async def test_connections_are_kept(fake: FakeProvider, sender: Sender) -> None:
    for number in range(5):
        await sender.send(fake.touch(number), Begin())
    assert fake.connections == 1


@pytest.mark.parametrize("fault", QUICK_FAULTS)
async def test_errors_name_nobody_and_no_secret(
    fake: FakeProvider, sender: Sender, fault: Fault
) -> None:
    if fault is Fault.NO_SUCH_RECIPIENT and isinstance(sender, WebhookSender):
        pytest.skip("a webhook reaches no person")
    fake.fault = fault
    with pytest.raises(SendError) as caught:
        await sender.send(fake.touch(1), Begin())
    no_names_in(caught.value, fake)
    assert not any(secret in repr(sender) for secret in fake.private)


def no_names_in(error: SendError, fake: FakeProvider) -> None:
    told = (error.code or "") + "\n".join(f"{link} {link!r}" for link in chain(error))
    assert not [secret for secret in fake.private if secret in told]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


async def test_a_touch_of_another_channel_is_a_bug(fake: FakeProvider, sender: Sender) -> None:
    is_email = isinstance(fake.touch(), OutboundEmail)
    other = FAKES[Channel.SMS, "twilio"] if is_email else FAKES[Channel.EMAIL, "smtp"]
    stranger = other().touch()
    assert isinstance(stranger, OutboundSms if is_email else OutboundEmail)
    with pytest.raises(TypeError):
        await sender.send(stranger, Begin())


async def test_an_unknown_setting_is_named_with_those_that_exist(fake: FakeProvider) -> None:
    account = fake.account(colour="red")
    with pytest.raises(ConfigurationError, match=r"settings\.colour.*known settings: ") as caught:
        sender_type(account).route(account)
    assert account.id in str(caught.value)


async def test_a_secret_that_nobody_reads_is_named(fake: FakeProvider) -> None:
    account = fake.account()
    stray = account.model_copy(update={"secrets": {**account.secrets, "passphrase": "x"}})
    with pytest.raises(ConfigurationError, match=r"secrets\.passphrase"):
        sender_type(account).for_account(stray)


async def test_an_account_without_its_secret_is_refused(fake: FakeProvider) -> None:
    account = fake.account()
    bare = account.model_copy(update={"secrets": {}})
    if account.secrets:
        with pytest.raises(ConfigurationError, match=r"add secrets\.\w+: \{env: NAME\}"):
            sender_type(account).route(bare)


async def test_an_address_of_the_wrong_kind_is_refused(fake: FakeProvider) -> None:
    account = fake.account().model_copy(update={"address": "\n"})
    with pytest.raises(ConfigurationError, match="address: write"):
        sender_type(account).route(account)


async def test_accounts_with_the_same_login_share_a_route(fake: FakeProvider) -> None:
    account = fake.account()
    kind = sender_type(account)
    assert kind.route(account) == kind.route(account.model_copy(update={"id": "another"}))
    elsewhere = type(fake)()
    elsewhere.port = fake.port + 1
    assert kind.route(account) != kind.route(elsewhere.account())
    for secret in fake.private:
        assert secret not in kind.route(account)


async def test_two_senders_do_not_disturb_each_other(fake: FakeProvider, sender: Sender) -> None:
    async with opened(fake.account()) as other:
        await asyncio.gather(
            sender.send(fake.touch(1), Begin()),
            other.send(fake.touch(2), Begin()),
        )
    await sender.send(fake.touch(3), Begin())

    async def all_arrived() -> bool:
        return sorted(fake.received) == ["touch-1", "touch-2", "touch-3"]

    await eventually(all_arrived)
