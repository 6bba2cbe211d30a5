"""The mail queue of the outside world: people's answers, automatic replies and bounces."""

import asyncio
from collections.abc import Callable

import aiosmtplib

from sandbox.mail_composer import OutgoingMail
from sandbox.settings import OutboxSettings

FIRST_PAUSE_SECONDS = 0.05
TIMEOUT_SECONDS = 30.0

Delivered = Callable[[str, bool], None]
"""Told the answer, and whether the mail was taken."""


class _TryAgain(Exception):
    """The mail was neither taken nor refused for good."""


class Outbox:
    """Delivers mails to Cadenza as a mail system does: until they are taken or refused for good.

    A refused connection and a 4xx answer are tried again with growing pauses in wall time, without
    end. Mails may overtake each other.
    """

    def __init__(self, settings: OutboxSettings, hostname: str) -> None:
        self._settings = settings
        self._hostname = hostname
        self._queue: asyncio.Queue[tuple[OutgoingMail, Delivered]] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self.pending = 0
        """Mails neither taken nor refused for good."""

    def start(self) -> None:
        """Begin to deliver."""
        self._workers = [
            asyncio.ensure_future(self._work()) for _ in range(self._settings.connections)
        ]

    def put(self, mail: OutgoingMail, delivered: Delivered) -> None:
        """Queue one mail; `delivered` is called once when its fate is known."""
        self.pending += 1
        self._queue.put_nowait((mail, delivered))

    async def close(self) -> None:
        """Stop delivering; what is pending stays undelivered."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        client = self._client()
        try:
            while True:
                mail, delivered = await self._queue.get()
                answer, taken = await self._deliver(client, mail)
                self.pending -= 1
                delivered(answer, taken)
        finally:
            client.close()

    async def _deliver(self, client: aiosmtplib.SMTP, mail: OutgoingMail) -> tuple[str, bool]:
        pause = 0.0  # a connection kept from before may have died in between: that costs no pause
        while True:
            try:
                return await self._attempt(client, mail)
            except (_TryAgain, aiosmtplib.SMTPException, OSError):
                client.close()
            await asyncio.sleep(pause)
            pause = min(max(pause * 2, FIRST_PAUSE_SECONDS), self._settings.backoff_max_seconds)

    async def _attempt(self, client: aiosmtplib.SMTP, mail: OutgoingMail) -> tuple[str, bool]:
        if not client.is_connected:
            await client.connect()
        options = [] if (mail.sender + mail.recipient).isascii() else ["SMTPUTF8"]
        try:
            _, answer = await client.sendmail(
                mail.sender, [mail.recipient], mail.data, mail_options=options
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return _refusal(refused.recipients[0])
        except aiosmtplib.SMTPResponseException as refused:
            return _refusal(refused)
        return f"250 {answer}", True

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._settings.host,
            port=self._settings.port,
            local_hostname=self._hostname,
            use_tls=False,
            start_tls=False,
            timeout=TIMEOUT_SECONDS,
        )


def _refusal(refused: aiosmtplib.SMTPResponseException) -> tuple[str, bool]:
    if refused.code < 500:
        raise _TryAgain
    return f"{refused.code} {refused.message}", False
