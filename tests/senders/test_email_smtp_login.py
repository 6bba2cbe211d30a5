"""TLS and AUTH, against aiosmtpd as the relay."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

from cadenza.accounts import SenderAccount
from cadenza.errors import ConfigurationError, TransientSendError
from cadenza.model import Channel
from senders.email_smtp.sender import SmtpSender
from tests.senders.fake_smtp import FakeSmtp, email
from tests.senders.servers import CERTIFICATE, server_context

PASSWORD = "p4ss wörd"

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


class Mailbox:
    """What aiosmtpd calls for each mail and login."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.ciphers: list[object] = []
        self.logins = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert server.transport is not None
        self.envelopes.append(envelope)
        self.ciphers.append(server.transport.get_extra_info("cipher"))
        return "250 2.0.0 Ok"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        self.logins += 1
        assert isinstance(data, LoginPassword)
        return AuthResult(
            success=data.login == b"chloe" and data.password == PASSWORD.encode(), handled=False
        )


class Relay:
    """aiosmtpd in this loop. mode: `starttls`, `tls` or `none`."""

    def __init__(self, mode: str) -> None:
        self.mailbox = Mailbox()
        self.mode = mode
        self.port = 0
        self._sessions: list[SMTP] = []

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator["Relay"]:
        context = server_context()

        def session() -> SMTP:
            made = SMTP(
                self.mailbox,
                hostname="localhost",
                tls_context=context if self.mode == "starttls" else None,
                require_starttls=self.mode == "starttls",
                enable_SMTPUTF8=True,
                authenticator=self.mailbox.authenticate,
                auth_required=True,
                auth_require_tls=self.mode == "starttls",  # it does not see the other kind
                **options,
            )
            self._sessions.append(made)
            return made

        server = await asyncio.get_running_loop().create_server(
            session, "localhost", 0, ssl=context if self.mode == "tls" else None, family=2
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for made in self._sessions:
                if isinstance(made.transport, asyncio.Transport):
                    made.transport.abort()

    def account(self, *, password: str = PASSWORD, **settings: object) -> SenderAccount:
        said = {
            "host": "localhost",
            "port": self.port,
            "tls": self.mode,
            "username": "chloe",
            "timeout_seconds": 5,
            "ca_file": str(CERTIFICATE),
            **settings,
        }
        return SenderAccount(
            id="chloe-mail",
            channel=Channel.EMAIL,
            provider="smtp",
            address="chloe@sender.example",
            settings={name: value for name, value in said.items() if value is not None},
        ).model_copy(update={"secrets": {"password": SecretStr(password)}})


@pytest_asyncio.fixture(params=["starttls", "tls"])
async def relay(request: pytest.FixtureRequest) -> AsyncIterator[Relay]:
    async with Relay(request.param).running() as started:
        yield started


async def begin() -> None:
    pass


async def refused(account: SenderAccount, *, times: int = 1) -> TransientSendError:
    sender = SmtpSender.for_account(account)
    await sender.open()
    for _ in range(times):
        with pytest.raises(TransientSendError) as caught:
            await sender.send(email(1), begin)
    await sender.close()
    return caught.value


async def test_mails_go_encrypted_over_one_authenticated_connection(relay: Relay) -> None:
    sender = SmtpSender.for_account(relay.account())
    await sender.open()
    for number in range(3):
        await sender.send(email(number), begin)
    await sender.close()
    assert [e.mail_from for e in relay.mailbox.envelopes] == [
        f"bounce+{number}@sender.example" for number in range(3)
    ]
    assert all(relay.mailbox.ciphers)
    assert relay.mailbox.logins == 1


async def test_smtputf8_works_against_a_relay_that_checks_it(relay: Relay) -> None:
    sender = SmtpSender.for_account(relay.account())
    await sender.open()
    await sender.send(email(1, recipient="élodie@prospect.example"), begin)
    await sender.close()
    assert relay.mailbox.envelopes[0].rcpt_tos == ["élodie@prospect.example"]


async def test_a_withheld_mail_over_tls_leaves_nothing(relay: Relay) -> None:
    async def withhold() -> None:
        raise RuntimeError("no")

    sender = SmtpSender.for_account(relay.account())
    await sender.open()
    with pytest.raises(RuntimeError):
        await sender.send(email(1), withhold)
    await sender.send(email(2), begin)
    await sender.close()
    assert [e.mail_from for e in relay.mailbox.envelopes] == ["bounce+2@sender.example"]
    assert relay.mailbox.logins == 2


async def test_a_wrong_password_is_account_trouble_and_not_tried_again_at_once(
    relay: Relay,
) -> None:
    error = await refused(relay.account(password="wrong"), times=3)
    assert "account trouble" in error.detail
    assert "check username and password" in error.detail
    assert error.code == "auth 535"
    assert "chloe" not in error.detail
    # aiosmtplib tries each way to log in that is offered, once.
    assert relay.mailbox.logins <= 2


async def test_an_untrusted_certificate_is_account_trouble(relay: Relay) -> None:
    error = await refused(relay.account(ca_file=None))
    assert "certificate that is not trusted" in error.detail
    assert "ca_file" in error.detail
    assert relay.mailbox.logins == 0


async def test_a_certificate_for_another_name_is_account_trouble(relay: Relay) -> None:
    error = await refused(relay.account(host="127.0.0.1"))
    assert "certificate that is not trusted" in error.detail
    assert relay.mailbox.logins == 0


@pytest.mark.parametrize("asked", ["starttls", "tls"])
async def test_the_password_is_never_sent_in_clear_to_a_relay_without_tls(asked: str) -> None:
    async with Relay("none").running() as relay:
        error = await refused(relay.account(tls=asked, timeout_seconds=2))
    assert "account trouble" in error.detail
    assert relay.mailbox.logins == 0


async def test_in_clear_it_is_sent_only_if_the_settings_say_so() -> None:
    async with Relay("none").running() as relay:
        sender = SmtpSender.for_account(relay.account())
        await sender.open()
        await sender.send(email(1), begin)
        await sender.close()
    assert relay.mailbox.logins == 1


async def test_a_relay_without_auth_is_account_trouble() -> None:
    async with FakeSmtp() as fake:
        account = fake.account(username="chloe")
        error = await refused(
            account.model_copy(update={"secrets": {"password": SecretStr("wordpass")}})
        )
    assert error.code == "offer"


def settings_of(**settings: object) -> SenderAccount:
    return SenderAccount(
        id="chloe-mail",
        channel=Channel.EMAIL,
        provider="smtp",
        address="chloe@sender.example",
        settings=settings,
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, r"settings\.host: Field required"),
        ({"host": "a b"}, r"settings\.host"),
        ({"host": "x\r\nQUIT"}, r"settings\.host"),
        ({"host": "x.example", "tls": "maybe"}, r"settings\.tls: .*'starttls'"),
        ({"host": "x.example", "port": 0}, r"settings\.port"),
        ({"host": "x.example", "connections": 0}, r"settings\.connections"),
        ({"host": "x.example", "helo": "a b"}, r"settings\.helo"),
        ({"host": "x.example", "username": "u"}, r"add secrets\.password: \{env: NAME\}"),
        ({"host": "x.example", "ca_file": "/nowhere.pem"}, r"there is no file /nowhere\.pem"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_sent(
    settings: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        SmtpSender.for_account(settings_of(**settings))


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_usual_port_is_used_if_none_is_said(tls: str, port: int) -> None:
    assert f"x.example:{port}:" in SmtpSender.route(settings_of(host="x.example", tls=tls))


def test_starttls_is_the_default() -> None:
    route = SmtpSender.route(settings_of(host="x.example"))
    assert route == SmtpSender.route(settings_of(host="x.example", tls="starttls"))
    assert route != SmtpSender.route(settings_of(host="x.example", tls="tls"))
