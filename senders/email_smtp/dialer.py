"""Opens connections to one relay: TCP, TLS, EHLO and AUTH by aiosmtplib."""

import asyncio
import ssl
from datetime import timedelta

import aiosmtplib
from pydantic import SecretStr

from cadenza.errors import TransientSendError
from senders.email_smtp.connection import Extensions, SmtpConnection
from senders.email_smtp.settings import SmtpSettings
from senders.settings import account_trouble

_UNREACHABLE_RETRY = timedelta(minutes=1)
_HOLD_SECONDS = 5.0
_HOLD_AFTER_REFUSED_LOGIN_SECONDS = 60.0


class Dialer:
    """Opens connections, and leaves a relay alone for a moment after it could not be reached.

    For 5 s after a failure, and 60 s after a refused login, everybody gets
    the same error at once: a batch must not wait one timeout per touch,
    and mailboxes are locked by repeated wrong passwords.
    """

    def __init__(self, settings: SmtpSettings, password: SecretStr | None) -> None:
        self._settings = settings
        self._password = password
        self._tls_context: ssl.SSLContext | None = None
        self._held_until = 0.0
        self._failure: TransientSendError | None = None

    async def dial(self) -> SmtpConnection:
        """A connection that is ready for MAIL. Raises TransientSendError."""
        now = asyncio.get_running_loop().time()
        if self._failure is not None and now < self._held_until:
            raise TransientSendError(
                self._failure.detail, code=self._failure.code, retry_after=self._failure.retry_after
            )
        try:
            return await self._connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            self._failure = _explained(self._settings.relay, error)
            hold = _HOLD_SECONDS
            if isinstance(error, aiosmtplib.SMTPAuthenticationError):
                hold = _HOLD_AFTER_REFUSED_LOGIN_SECONDS
            self._held_until = asyncio.get_running_loop().time() + hold
            raise self._failure from error

    async def _connect(self) -> SmtpConnection:
        settings = self._settings
        if settings.tls != "none" and self._tls_context is None:
            self._tls_context = await asyncio.to_thread(settings.tls_context)
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.relay_port,
            username=settings.username,
            password=None if self._password is None else self._password.get_secret_value(),
            local_hostname=settings.host_name(),
            timeout=settings.timeout_seconds,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            tls_context=self._tls_context,
        )
        await client.connect()
        try:
            await _greet(client)
        except BaseException:
            client.close()
            raise
        if client.transport is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        return SmtpConnection(
            client.transport, _extensions(client), timeout_seconds=settings.timeout_seconds
        )


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Say EHLO if connecting has not needed it (no STARTTLS, no login) or STARTTLS undid it."""
    if not client.is_ehlo_or_helo_needed:
        return
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


def _extensions(client: aiosmtplib.SMTP) -> Extensions:
    size = client.esmtp_extensions.get("size", "")
    return Extensions(
        pipelining=client.supports_extension("pipelining"),
        smtputf8=client.supports_extension("smtputf8"),
        takes_size=client.supports_extension("size"),
        size=int(size) if size.isascii() and size.isdigit() and len(size) < 16 else 0,
    )


def _explained(relay: str, error: Exception) -> TransientSendError:
    """Why the relay cannot be used, without its own words: they may name the login."""
    chain = _chain(error)
    for cause in chain:
        match cause:
            case aiosmtplib.SMTPAuthenticationError():
                return account_trouble(
                    f"relay {relay} refused the login ({cause.code}): check username and password",
                    code=f"auth {cause.code}",
                )
            case ssl.SSLCertVerificationError():
                return account_trouble(
                    f"relay {relay} showed a certificate that is not trusted "
                    f"({cause.verify_message}): check host and ca_file",
                    code="tls",
                )
            case ssl.SSLError():
                return account_trouble(
                    f"relay {relay} does not speak TLS as expected: check tls and port", code="tls"
                )
            case aiosmtplib.SMTPResponseException():
                return TransientSendError(
                    f"relay {relay} refused the session ({cause.code})",
                    code=f"connect {cause.code}",
                    retry_after=_UNREACHABLE_RETRY,
                )
    if type(error) is aiosmtplib.SMTPException:
        # aiosmtplib says so if STARTTLS or a way to log in is not offered.
        return account_trouble(
            f"relay {relay} does not offer what the settings ask for: check tls, port and username",
            code="offer",
        )
    reason = next((e.strerror for e in chain if isinstance(e, OSError) and e.strerror), None)
    if isinstance(error, TimeoutError):
        reason = "no answer in time"
    return TransientSendError(
        f"relay {relay} cannot be reached ({reason or 'it hung up'})",
        code="connect",
        retry_after=_UNREACHABLE_RETRY,
    )


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None:
        chain.append(link)
        link = link.__cause__
    return chain
