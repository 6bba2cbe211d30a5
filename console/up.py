"""`cadenza up`: the whole product on this machine, from one terminal, its data under one folder."""

import asyncio
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from cadenza.accounts import load_accounts
from cadenza.errors import ConfigurationError
from cadenza.storage.migrations import upgrade_async
from console.demo.outside import OUTSIDE, outside_env, sandbox_spec
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
from console.supervisor import Supervisor
from sandbox.response import read_response

_FIRST_METRICS_PORT = 9465
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
    names = process_names(options.workers)
    deployment = LocalDeployment(
        env={**_defaults(options.data_dir), **env, **_servers_env(servers)},
        logs=options.data_dir / "logs",
        ports={name: _FIRST_METRICS_PORT + n for n, name in enumerate(names)},
        workers=options.workers,
    )
    deployment.logs.mkdir(parents=True, exist_ok=True)
    accounts = load_accounts(Path(env["CADENZA_ACCOUNTS_FILE"]))
    await upgrade_async(servers.database_url)
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
        f"{chosen}: there is no such accounts file. Write one (docs/channels/email.md shows how), "
        "or try `cadenza up --sandbox`, which sends to a pretend world"
    )


def _check_ports(env: Mapping[str, str]) -> None:
    """Raise ConfigurationError if somebody listens already where we shall.

    Else that somebody would answer in our place, and all would look well.
    """
    for setting, usual in _PORTS.items():
        said = env.get(setting, usual)
        host = env.get(setting.replace("_PORT", "_HOST"), "127.0.0.1")
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, int(said)))
        except (ValueError, OverflowError) as error:
            raise ConfigurationError(f"{setting}: {said!r} is not a port number") from error
        except OSError as error:
            raise ConfigurationError(
                f"port {said} of {host} cannot be listened on ({error.strerror}): end what uses "
                f"it, perhaps another `cadenza up`, or set {setting} to another port"
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
    console.print(
        f"In another terminal: [bold]. {options.data_dir / 'env'}[/], then for instance "
        "cadenza apply cadences/ or cadenza status"
    )
    console.print("Ctrl-C stops everything; the data stays.")
