"""`cadenza up`: the whole product on this machine, from one terminal, its data under one folder."""

import asyncio
import os
import secrets
import shlex
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError
from rich.console import Console
from rich.markup import escape

from cadenza.accounts import load_accounts
from cadenza.catalog import Catalog
from cadenza.errors import ConfigurationError
from cadenza.insight.missing_groups import missing_groups
from cadenza.storage.database import Database
from cadenza.storage.migrations import upgrade_async
from console.demo.outside import OUTSIDE, outside_env, sandbox_spec
from console.demo.redirect import redirect_accounts
from console.deployment import (
    LocalDeployment,
    free_ports,
    instance_name,
    process_names,
    release_leases,
    secret_key,
)
from console.embedded import EmbeddedServers, embedded_servers
from console.processes.common import configure_logs
from console.session import DATABASE_AWAY, no_database, warn
from console.supervisor import Supervisor
from sandbox.response import read_response

_FIRST_METRICS_PORT = 9465
_REDIS_TIMEOUT_SECONDS = 5.0
_PORTS = {"CADENZA_GATEWAY_PORT": "8600", "CADENZA_MAILBOX_PORT": "8625"}
_PRETEND_ACCOUNTS = Path(__file__).parent / "demo" / "data" / "accounts.yaml"


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """What `cadenza up` was asked for. sandbox: everything is sent to a pretend world."""

    data_dir: Path
    accounts: Path | None
    workers: int
    sandbox: bool


def run_up(options: UpOptions, console: Console) -> None:
    """Run until Ctrl-C. Raises ConfigurationError before anything starts."""
    env = dict(os.environ)
    configure_logs("warning")
    env["CADENZA_ACCOUNTS_FILE"] = str(_accounts_file(options, env))
    _check_ports(env)
    if "CADENZA_REDIS_URL" in env:
        asyncio.run(_check_redis(env["CADENZA_REDIS_URL"]))
    with embedded_servers(
        options.data_dir,
        database_url=env.get("CADENZA_DATABASE_URL"),
        redis_url=env.get("CADENZA_REDIS_URL"),
    ) as servers:
        asyncio.run(_run(options, env, servers, console))


async def _run(
    options: UpOptions, env: dict[str, str], servers: EmbeddedServers, console: Console
) -> None:
    outside = free_ports(OUTSIDE) if options.sandbox else {}
    if options.sandbox:
        pretend = outside_env(outside)
        os.environ.update(pretend)
        env.update(pretend)
        env["CADENZA_ACCOUNTS_FILE"] = str(_redirected(options, env, outside))
    names = process_names(options.workers)
    deployment = LocalDeployment(
        env={**_defaults(options.data_dir), **env, **_servers_env(servers)},
        logs=options.data_dir / "logs",
        ports=_metrics_ports(names, env),
        workers=options.workers,
    )
    deployment.logs.mkdir(parents=True, exist_ok=True)
    accounts = load_accounts(Path(env["CADENZA_ACCOUNTS_FILE"]))
    try:
        await upgrade_async(servers.database_url)
    except DATABASE_AWAY as error:
        raise no_database(error) from error
    async with Database(servers.database_url) as database, database.connection() as db:
        warn(await missing_groups(db, Catalog(), accounts))
    supervisor = Supervisor(on_death=partial(release_leases, servers.database_url))
    for server in servers.running:
        supervisor.watch(server)
    if options.sandbox:
        supervisor.add(
            sandbox_spec(
                options.data_dir,
                env=deployment.env,
                ports=outside,
                inbound_smtp_port=int(deployment.env["CADENZA_MAILBOX_PORT"]),
                public_url=deployment.env["CADENZA_PUBLIC_URL"],
                api_token=deployment.env["CADENZA_API_TOKEN"],
                webhook_secret=deployment.env["CADENZA_UNIPILE_WEBHOOK_SECRET"],
                accounts=accounts,
                seed=1,
                response=read_response(None),
            )
        )
    for spec in deployment.specs():
        supervisor.add(spec)
    await supervisor.start()
    deployment.write_env(options.data_dir / "env")
    _say_what_runs(console, options, deployment)
    await supervisor.run_until_stopped()


def _accounts_file(options: UpOptions, env: Mapping[str, str]) -> Path:
    chosen = options.accounts or Path(env.get("CADENZA_ACCOUNTS_FILE", "accounts.yaml"))
    if chosen.exists():
        return chosen.resolve()
    if options.sandbox and options.accounts is None:
        return _PRETEND_ACCOUNTS
    raise ConfigurationError(
        f"{chosen}: there is no such accounts file. Write one (docs/sending.md has one to begin "
        "with), or try `cadenza up --sandbox`, which sends to a pretend world"
    )


def _redirected(options: UpOptions, env: Mapping[str, str], outside: Mapping[str, int]) -> Path:
    """The accounts file with every server and login in it replaced by those of the pretend world.

    Whatever file it is: nothing may leave for real once we said that nothing does.
    """
    options.data_dir.mkdir(parents=True, exist_ok=True)
    target = options.data_dir / "accounts.yaml"
    redirect_accounts(Path(env["CADENZA_ACCOUNTS_FILE"]), target, outside, None)
    return target


def _check_ports(env: Mapping[str, str]) -> None:
    """Raise ConfigurationError if somebody listens already where we shall.

    Else that somebody would answer in our place, and all would look well.
    """
    for setting, usual in _PORTS.items():
        said = env.get(setting, usual)
        host = env.get(setting.replace("_PORT", "_HOST"), "127.0.0.1")
        try:
            _try_port(host, int(said))
        except (ValueError, OverflowError) as error:
            raise ConfigurationError(f"{setting}: {said!r} is not a port number") from error
        except OSError as error:
            raise ConfigurationError(
                f"port {said} of {host} cannot be listened on ({error.strerror}): end what uses "
                f"it, perhaps another `cadenza up`, or set {setting} to another port"
            ) from error


def _metrics_ports(names: Sequence[str], env: Mapping[str, str]) -> Mapping[str, int]:
    """A port for each process from 9465 on; those that somebody has are passed over.

    A process whose port is taken would end again and again, and be taken
    for ready all the while because somebody else answers there.
    """
    ours = {int(env.get(setting, usual)) for setting, usual in _PORTS.items()}
    free = (port for port in range(_FIRST_METRICS_PORT, 65_536) if port not in ours)
    return dict(zip(names, filter(_is_free, free), strict=False))


def _is_free(port: int) -> bool:
    try:
        _try_port("127.0.0.1", port)
    except OSError:
        return False
    return True


def _try_port(host: str, port: int) -> None:
    """Raise OSError if we cannot listen there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


async def _check_redis(url: str) -> None:
    """Raise ConfigurationError if nobody answers there; processes would wait for it for ever."""
    try:
        async with Redis.from_url(url, socket_connect_timeout=_REDIS_TIMEOUT_SECONDS) as redis:
            await redis.exists("cadenza")
    except ValueError as error:
        raise ConfigurationError(
            "CADENZA_REDIS_URL is not a URL: write redis://host:6379/0"
        ) from error
    except (RedisError, OSError) as error:
        raise ConfigurationError(
            f"cannot reach Redis ({error}): is it up, and is CADENZA_REDIS_URL right? "
            "Without that setting one is started here"
        ) from error


def _servers_env(servers: EmbeddedServers) -> Mapping[str, str]:
    return {"CADENZA_DATABASE_URL": servers.database_url, "CADENZA_REDIS_URL": servers.redis_url}


def _defaults(data_dir: Path) -> Mapping[str, str]:
    """Settings that a first try needs no thought for; the environment overrides them."""
    port = os.environ.get("CADENZA_GATEWAY_PORT", _PORTS["CADENZA_GATEWAY_PORT"])
    return {
        "CADENZA_INSTANCE": instance_name(data_dir),
        "CADENZA_SECRET_KEYS": secret_key(data_dir / "secret_key"),
        "CADENZA_API_TOKEN": secret_key(data_dir / "api_token"),
        "CADENZA_UNIPILE_WEBHOOK_SECRET": secrets.token_hex(16),
        "CADENZA_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CADENZA_MAIL_DOMAIN": "answers.localhost",
        **_PORTS,
    }


def _say_what_runs(console: Console, options: UpOptions, deployment: LocalDeployment) -> None:
    env = deployment.env
    console.print(
        f"[bold]Cadenza is up[/] on {options.data_dir}"
        + (", sending to a pretend world" if options.sandbox else "")
    )
    console.print(
        f"  gateway    {env['CADENZA_PUBLIC_URL']}  (API token in {options.data_dir / 'api_token'})"
    )
    console.print(f"  mailbox    SMTP on 127.0.0.1 port {env['CADENZA_MAILBOX_PORT']}")
    console.print(f"  metrics    http://127.0.0.1:{deployment.ports['exporter']}/metrics")
    console.print(f"  logs       {deployment.logs}")
    env_file = shlex.quote(str(options.data_dir / "env"))
    console.print(
        f"In another terminal: [bold]. {escape(env_file)}[/], then for instance "
        "cadenza apply cadences/ or cadenza status"
    )
    console.print("Ctrl-C stops everything; the data stays.")
