"""What all processes share: identity, logs, a stop on SIGTERM, the parts they are built from."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version as distribution_version
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from cadenza.accounts import Accounts, load_accounts
from cadenza.catalog import Catalog
from cadenza.clock import Clock, open_clock
from cadenza.course.course import Course
from cadenza.errors import ConfigurationError, FenceClosed
from cadenza.fence import Fence
from cadenza.ground import Ground
from cadenza.insight.missing_groups import missing_groups
from cadenza.links import Links, LinkSigner
from cadenza.settings import Settings
from cadenza.storage.database import Database
from cadenza.storage.migrations import pending_revision
from monitoring.metrics import Process, process_registry
from monitoring.observe import observe

log = structlog.get_logger(__name__)

_FENCED_SECONDS = 1.0


def identity() -> str:
    """How leases call this process: new at each start, also where every pid is 1."""
    return identity_prefix(os.getpid()) + secrets.token_hex(4)


def identity_prefix(pid: int) -> str:
    """What the identity of the process `pid` of this host begins with."""
    return f"{socket.gethostname()}:{pid}:"


def version() -> str:
    """The installed version."""
    return distribution_version("cadenza")


def configure_logs(level: str, path: Path | None = None) -> None:
    """One JSON object a line on standard error, or in a file, for every library too."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.FileHandler(path) if path else logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # Their chatter at "info" is a line per request or message, addresses included.
    for noisy in ("httpx", "httpcore", "uvicorn.access", "mail.log", "dramatiq", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What most processes are built from."""

    settings: Settings
    clock: Clock
    database: Database
    accounts: Accounts
    catalog: Catalog
    ground: Ground
    course: Course
    links: Links
    fence: Fence


def links_of(settings: Settings) -> Links:
    """The links that this deployment signs."""
    keys = [key.get_secret_value().encode() for key in settings.secret_keys]
    return Links(
        signer=LinkSigner(keys),
        public_url=settings.public_url,
        mail_domain=settings.mail_domain,
    )


def fence_of(settings: Settings, clock: Clock) -> Fence:
    """What keeps this deployment from sending out of somebody else's database."""
    return Fence(settings.instance, clock, follows_failover=settings.follows_failover)


async def wait_for_fence(parts: Parts, stopping: Callable[[], bool]) -> bool:
    """Wait until the database is ours; says once why it is not. False if told to stop before."""
    told = None
    while not stopping():
        try:
            async with parts.database.connection() as db:
                await parts.fence.check(db)
            return True
        except FenceClosed as closed:
            if str(closed) != told:
                told = str(closed)
                log.error("fence_closed", reason=told)
        await asyncio.sleep(_FENCED_SECONDS)
    return False


async def tell_missing_groups(parts: Parts) -> None:
    """Warn of live cadences that send from groups which the accounts file does not have."""
    async with parts.database.connection() as db:
        missing = await missing_groups(db, parts.catalog, parts.accounts)
    for one in missing:
        log.warning(
            "account_group_missing",
            cadence=one.cadence,
            version=one.version,
            channel=one.channel.value,
            group=one.group,
        )


@asynccontextmanager
async def open_parts(settings: Settings, *, pool_size: int = 8) -> AsyncIterator[Parts]:
    """The parts, with the database's schema checked. Raises ConfigurationError."""
    accounts = load_accounts(settings.accounts_file)
    clock = open_clock(settings.clock_file)
    async with Database(settings.database_url, pool_size=pool_size) as database:
        if await pending_revision(database) is not None:
            raise ConfigurationError(
                "the database's schema is not that of this version: run `cadenza db upgrade`"
            )
        catalog = Catalog()
        ground = Ground.of(catalog, accounts, clock)
        yield Parts(
            settings=settings,
            clock=clock,
            database=database,
            accounts=accounts,
            catalog=catalog,
            ground=ground,
            course=Course(ground),
            links=links_of(settings),
            fence=fence_of(settings, clock),
        )


def redis_client(settings: Settings) -> Redis:
    """An asynchronous client that never repeats a command by itself."""
    return Redis.from_url(
        settings.redis_url, retry=Retry(NoBackoff(), 0), socket_timeout=5.0,
        socket_connect_timeout=5.0,
    )  # fmt: skip


@asynccontextmanager
async def observed(process: Process, settings: Settings) -> AsyncIterator[CollectorRegistry]:
    """A registry whose metrics are served while inside, if a port is configured."""
    registry = process_registry()
    async with AsyncExitStack() as stack:
        if settings.metrics_port is not None:
            await stack.enter_async_context(
                observe(
                    registry,
                    process=process,
                    version=version(),
                    host=settings.metrics_host,
                    port=settings.metrics_port,
                )
            )
        yield registry


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
