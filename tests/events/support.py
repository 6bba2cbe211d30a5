"""What the tests of event sources share: a gateway on a real socket, a recorder that can fail."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from starlette.types import ASGIApp

from cadenza.abc import EventSource
from cadenza.accounts import Accounts, Organisation, Owner, SenderAccount
from cadenza.links import Links, LinkSigner
from cadenza.model import Channel, Event, RawRequest
from cadenza.settings import Settings
from events.gateway import Probe, gateway_app
from events.recording import Hints
from events.serving import gateway_server
from monitoring.metrics import IntakeMetrics
from tests.support.clocks import SetClock
from tests.support.eventually import PATIENCE_SECONDS, eventually

PUBLIC_URL = "https://go.example.com"
MAIL_DOMAIN = "in.example.com"
NOW = datetime(2026, 3, 3, 10, 0, 30, tzinfo=UTC)
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT_SID = "AC" + "a" * 32
OTHER_AUTH_TOKEN = "fedcba9876543210fedcba9876543210"
OTHER_ACCOUNT_SID = "AC" + "b" * 32
UNIPILE_SECRET = "a secret that Unipile was given"

SIGNER = LinkSigner([b"the key that signs now", b"the key of last year"])
LINKS = Links(signer=SIGNER, public_url=PUBLIC_URL, mail_domain=MAIL_DOMAIN)


class StorageDown(Exception):
    """What the recorder raises while it is down."""


class MemoryRecorder:
    """Stores events once, like the real one; can be down, slow, or refuse single events."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], Event] = {}
        self.calls: list[Sequence[Event]] = []
        self.poison: set[str] = set()
        self.gate = asyncio.Event()
        self.reset()

    def reset(self) -> None:
        """Empty and well again."""
        self.stored.clear()
        self.calls.clear()
        self.poison.clear()
        self.down = False
        self.gate.set()

    async def record(self, events: Sequence[Event]) -> None:
        self.calls.append(events)
        await self.gate.wait()
        if self.down or any(event.external_id in self.poison for event in events):
            raise StorageDown
        for event in events:
            self.stored.setdefault((event.source, event.external_id), event)

    @property
    def events(self) -> list[Event]:
        """What is stored, in the order in which it was."""
        return list(self.stored.values())


def accounts() -> Accounts:
    """An organisation with two Twilio accounts."""
    return Accounts(
        organisation=Organisation(name="Öl & Söhne", postal_address="1 Main Street"),
        owners=[Owner(id="ann", name="Ann", email="ann@example.com")],
        accounts=[
            twilio_account("one", ACCOUNT_SID, AUTH_TOKEN),
            twilio_account("two", OTHER_ACCOUNT_SID, OTHER_AUTH_TOKEN),
        ],
    )


def twilio_account(account_id: str, sid: str | None, token: str | None) -> SenderAccount:
    """A number of a Twilio account. Its secret is given, not read from somewhere."""
    return SenderAccount.model_construct(
        id=account_id,
        channel=Channel.SMS,
        provider="twilio",
        address="+12025550100",
        settings={"account_sid": sid} if sid is not None else {},
        secrets={"auth_token": SecretStr(token)} if token is not None else {},
    )


def settings(**changes: Any) -> Settings:
    """Settings of a gateway."""
    values: dict[str, Any] = {
        "database_url": "postgresql:///unused",
        "redis_url": "redis://unused",
        "secret_keys": "the key that signs now,the key of last year",
        "accounts_file": Path("unused.yaml"),
        "public_url": PUBLIC_URL,
        "mail_domain": MAIL_DOMAIN,
        "unipile_webhook_secret": UNIPILE_SECRET,
    }
    return Settings(**{**values, **changes})


def raw_request(
    method: str,
    url: str,
    *,
    path_params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    received_at: datetime = NOW,
) -> RawRequest:
    """A request as the gateway would hand it to a source. url: from the path on, or whole."""
    whole = url if "://" in url else PUBLIC_URL + url
    return RawRequest(
        method=method,
        url=whole,
        path_params=path_params or {},
        query=dict(parse_qsl(urlsplit(whole).query, keep_blank_values=True)),
        headers=headers or {},
        body=body,
        received_at=received_at,
    )


class Gateway:
    """A gateway that serves on loopback. Its clients come without the public host."""

    def __init__(self, port: int, metrics: IntakeMetrics, registry: CollectorRegistry) -> None:
        self.port = port
        self.metrics = metrics
        self.registry = registry
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", follow_redirects=False, timeout=PATIENCE_SECONDS
        )

    def path(self, url: str) -> str:
        """What to ask this gateway for to reach `url` of the public host."""
        return url.removeprefix(PUBLIC_URL)

    def counted(self, name: str, **labels: str) -> float:
        """The value of one counter."""
        return self.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def gateway(
    sources: Sequence[EventSource],
    recorder: MemoryRecorder,
    *,
    hints: Hints | None = None,
    ready: Probe | None = None,
) -> AsyncIterator[Gateway]:
    """Serve `sources` on a free port with the real server."""
    registry = CollectorRegistry()
    metrics = IntakeMetrics(registry)
    app = gateway_app(
        sources,
        recorder,
        SetClock(NOW),
        public_url=PUBLIC_URL,
        metrics=metrics,
        hints=hints,
        ready=ready,
    )
    async with serving(app) as port:
        made = Gateway(port, metrics, registry)
        async with made.http:
            yield made


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[int]:
    """Serve an application as the gateway process does; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = gateway_server(app, host="127.0.0.1", port=0)

    async def started() -> bool:
        return server.started or task.done()

    task = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually(started)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
