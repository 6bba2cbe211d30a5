"""Puts the outside world together and runs it in one event loop."""

import asyncio
import json
import os
from collections.abc import Callable
from functools import partial

from sandbox.activity import Activity, Faults, HttpFaults, SmtpFaults
from sandbox.agenda import Agenda
from sandbox.behaviour import Behaviour
from sandbox.clock import ScheduleClock
from sandbox.control import Control
from sandbox.http_client import WebClient
from sandbox.http_server import HttpConnection
from sandbox.ledger import Ledger
from sandbox.mail_composer import OutgoingMail
from sandbox.outbox import Outbox
from sandbox.personas import Personas
from sandbox.postmaster import Postmaster
from sandbox.recipients.mail import MailReaders
from sandbox.recipients.sms import TextReaders
from sandbox.recipients.social import ProfileOwners
from sandbox.reps import Reps
from sandbox.settings import SandboxSettings
from sandbox.sms_provider import SmsProvider
from sandbox.smtp_server import SmtpConnection, server_tls
from sandbox.social_provider import SocialProvider
from sandbox.social_webhooks import SocialWebhooks
from sandbox.systems import OutsideSystem
from sandbox.webhook_receiver import WebhookReceiver

BACKLOG = 512


class Sandbox:
    """The outside world. `start` it, and `close` it when done."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        settings.var_dir.mkdir(parents=True, exist_ok=True)
        self.ports: dict[str, int] = {}
        self._ready_file = settings.ready_file or settings.var_dir / "ready.json"
        self.clock = ScheduleClock(settings.clock_file)
        self.ledger = Ledger(settings.var_dir / "ledger.jsonl", self.clock)
        self.agenda = Agenda(self.clock, conducted=settings.control.conducted)
        self.activity = Activity()
        self._asides = Activity()  # questions to the control API do not disturb the world's rest
        self.faults = Faults(smtp=SmtpFaults(), http=HttpFaults())
        self.personas = Personas(settings.seed, settings.rates, settings.overrides)
        self.behaviour = Behaviour(settings.seed, self.personas)
        self._web = WebClient(settings.web)
        self._servers: list[asyncio.Server] = []
        self._outbox: Outbox | None = None
        if settings.outbox is not None:
            self._outbox = Outbox(settings.outbox, settings.smtp.hostname)
        self._postmaster = Postmaster(
            self.ledger,
            self.behaviour,
            rep_domains=frozenset(domain.lower() for domain in settings.smtp.rep_domains),
            var_dir=settings.var_dir,
            keep_mails=settings.smtp.keep_mails,
        )
        self._sms = SmsProvider(settings.sms, self.clock, self.ledger, self._web)
        self._social = SocialProvider(settings.social, self.clock, self.ledger, self.behaviour)
        self._people_move_in()

    def _people_move_in(self) -> None:
        seed = self.settings.seed
        mail = MailReaders(
            seed,
            behaviour=self.behaviour,
            clock=self.clock,
            agenda=self.agenda,
            ledger=self.ledger,
            web=self._web,
            send=self._send,
        )
        texts = TextReaders(seed, self.behaviour, self.clock, self.agenda, self._sms)
        webhooks = SocialWebhooks(self.settings.social, self.clock, self.ledger, self._web)
        owners = ProfileOwners(seed, self.behaviour, self.agenda, self._social, webhooks)
        self._postmaster.on_mail = mail.receive
        self._sms.on_message = texts.receive
        self._social.on_message = owners.receive

    async def start(self) -> None:
        """Open every server, then write the ready file.

        Raises OSError when a port is taken or a certificate cannot be read.
        """
        settings = self.settings
        self._ready_file.unlink(missing_ok=True)
        tls = server_tls(settings.smtp)
        control = Control(
            self.agenda,
            self.ledger,
            self.activity,
            self.faults,
            outbox_pending=lambda: self.outbox_pending,
        )
        await self._listen(
            "smtp",
            settings.smtp.port,
            lambda: SmtpConnection(
                settings.smtp, tls, self._postmaster, self.activity, self.faults
            ),
        )
        provider = partial(HttpConnection, activity=self.activity, faults=self.faults)
        await self._listen("sms", settings.sms.port, partial(provider, self._sms.handle))
        await self._listen("social", settings.social.port, partial(provider, self._social.handle))
        receiver = WebhookReceiver(settings.webhook, self.ledger)
        await self._listen("webhook", settings.webhook.port, partial(provider, receiver.handle))
        await self._listen(
            "control",
            settings.control.port,
            partial(HttpConnection, control.handle, activity=self._asides, faults=None),
        )
        if self._outbox is not None:
            self._outbox.start()
        if settings.reps is not None:
            reps = Reps(
                settings.reps,
                settings.seed,
                clock=self.clock,
                agenda=self.agenda,
                ledger=self.ledger,
                web=self._web,
            )
            reps.start()
        for system in settings.systems:
            OutsideSystem(
                system, settings.seed, agenda=self.agenda, ledger=self.ledger, web=self._web
            ).start()
        self._write_ready()

    async def close(self) -> None:
        """Close every server, forget what people were about to do, and complete the ledger."""
        for server in self._servers:
            server.close()
        for transport in (*self.activity.connections, *self._asides.connections):
            transport.abort()
        await self.agenda.close()
        if self._outbox is not None:
            await self._outbox.close()
        await self._web.close()
        await asyncio.sleep(0)  # a transport lets go of its socket one turn of the loop later
        self.ledger.close()
        self.clock.close()

    async def _listen(self, name: str, port: int, protocol: Callable[[], asyncio.Protocol]) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(protocol, self.settings.host, port, backlog=BACKLOG)
        self._servers.append(server)
        self.ports[name] = server.sockets[0].getsockname()[1]

    def _write_ready(self) -> None:
        path = self._ready_file
        draft = path.with_name(path.name + ".new")
        draft.write_text(json.dumps({"pid": os.getpid(), "ports": self.ports}))
        draft.rename(path)

    @property
    def outbox_pending(self) -> int:
        """Mails of people that are neither taken nor refused for good."""
        return 0 if self._outbox is None else self._outbox.pending

    def _send(self, mail: OutgoingMail, action: str, *, person: str, key: str) -> None:
        """Route a mail that a person wrote: to a rep of this world, or out to Cadenza."""

        def delivered(answer: str, taken: bool) -> None:
            self.ledger.acted(
                action, person=person, key=key, done=taken, status=answer, detail=mail.recipient
            )

        if self._postmaster.is_rep(mail.recipient):
            self._postmaster.deliver_to_rep(mail.recipient.lower(), mail.data)
            delivered("250 delivered to the rep", True)
        elif self._outbox is None:
            delivered("no way out", False)
        else:
            self._outbox.put(mail, delivered)


async def run(settings: SandboxSettings) -> None:
    """Run the outside world until cancelled."""
    sandbox = Sandbox(settings)
    try:
        await sandbox.start()
        await asyncio.get_running_loop().create_future()
    finally:
        await sandbox.close()
