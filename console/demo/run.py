"""Runs the demo: starts everything, conducts the time-lapse, compares, reports."""

import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import uvloop
from rich.console import Console

from cadenza.accounts import Accounts, load_accounts
from cadenza.catalog import Catalog, apply_cadence
from cadenza.clock import OffsetClock
from cadenza.course.course import Course
from cadenza.errors import CadenzaError
from cadenza.ground import Ground
from cadenza.storage import report as figures
from cadenza.storage.database import Database
from cadenza.storage.migrations import upgrade_async
from console.auditing import audit
from console.demo.conductor import Conductor, quiet_monday
from console.demo.folder import fresh_folder
from console.demo.live import LiveView
from console.demo.ops_person import OpsPerson
from console.demo.outside import OUTSIDE, outside_env, sandbox_spec
from console.demo.plays import Play, read_plays, share_out
from console.demo.producer import CsvProducer
from console.demo.redirect import redirect_accounts
from console.demo.report import DemoReport
from console.demo.told import write_touches
from console.demo.witness import compare
from console.demo.world import World
from console.deployment import (
    LocalDeployment,
    free_ports,
    instance_name,
    process_names,
    release_leases,
)
from console.embedded import EmbeddedServers, embedded_servers
from console.enroll.client import EnrollmentClient
from console.enroll.table import read_rows
from console.processes.common import configure_logs
from console.supervisor import Supervisor
from sandbox.response import ResponseModel


class DemoFailed(CadenzaError):
    """The run ended, and something is not as it must be; the report says what."""


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """What `cadenza demo` was asked for.

    cadences: several share the prospects out. per_day: None enrolls all over
    the first four days. pauses: how many sender accounts, and as many
    enrollments, an ops person lets rest for a while each day; 0: there is
    none. response: who reacts how often. picture: an SVG file to draw the
    report into.
    """

    prospects: Path
    cadences: Sequence[Path]
    accounts: Path
    days: int
    seed: int
    per_day: int | None
    pauses: float
    response: ResponseModel
    step_minutes: int
    workers: int
    keep: bool
    data_dir: Path
    picture: Path | None


def run_demo(options: DemoOptions, console: Console) -> None:
    """Run it. Raises ConfigurationError before anything starts, DemoFailed at the end."""
    lock = fresh_folder(options.data_dir)
    configure_logs("info", options.data_dir / "logs" / "console.log")
    try:
        # A demo's data need not outlive a power cut; killed processes it does outlive.
        with embedded_servers(options.data_dir, durable=False) as servers:
            uvloop.run(_Demo(options, servers, console).run())
    finally:
        lock.release()


class _Demo:
    def __init__(self, options: DemoOptions, servers: EmbeddedServers, console: Console) -> None:
        self._options = options
        self._servers = servers
        self._console = console
        self._clock = OffsetClock(options.data_dir / "clock")
        self._accounts_file = options.data_dir / "accounts.yaml"
        self._start = quiet_monday(datetime.now(UTC))
        self._until = self._start + timedelta(days=options.days)
        self._ports = free_ports(
            [*OUTSIDE, "http", "smtp_in", "api", *process_names(options.workers)]
        )

    async def run(self) -> None:
        """From the first process to the report."""
        options, console = self._options, self._console
        self._clock.stand_at(self._start)
        os.environ.update(outside_env(self._ports))
        redirect_accounts(options.accounts, self._accounts_file, self._ports, self._start.date())
        accounts = load_accounts(self._accounts_file)
        rows = read_rows(options.prospects)
        names = await self._prepare()
        per_day = options.per_day or -(-len(rows) // 4)
        plays = share_out(names, rows, per_day=per_day, start=self._start, seed=options.seed)
        console.print(
            f"[bold]Cadenza demo[/]: {len(rows):,} rows of {options.prospects.name}, "
            f"{'cadence' if len(names) == 1 else 'cadences'} [bold]{', '.join(names)}[/], "
            f"{len(accounts.accounts)} sender accounts, {options.days} days from "
            f"{self._start:%A} {self._start.day} {self._start:%B %Y}, seed {options.seed}"
        )
        async with AsyncExitStack() as stack:
            supervisor = await stack.enter_async_context(self._processes(accounts, plays))
            database = await stack.enter_async_context(Database(self._servers.database_url))
            world = World(self._ports["control"])
            stack.push_async_callback(world.close)
            client = await stack.enter_async_context(EnrollmentClient(self._servers.redis_url))
            producer = CsvProducer(
                client,
                planned={play.cadence: play.enrolled for play in plays},
                prefix=f"demo-{options.seed}",
            )
            ops_person = self._ops_person(database, accounts)
            began = time.monotonic()
            with LiveView(console, database, self._start, self._until) as view:
                conductor = Conductor(
                    clock=self._clock,
                    database=database,
                    world=world,
                    parties=[producer, *ops_person],
                    step=timedelta(minutes=options.step_minutes),
                    on_step=view.update,
                )
                await conductor.run(self._until, lambda: supervisor.is_stop_requested)
            elapsed = time.monotonic() - began
            if supervisor.is_stop_requested:
                raise DemoFailed("stopped before the end; nothing is left running")
            by_hand = ops_person[0].done if ops_person else {}
            report = await self._report(database, world, accounts, elapsed, by_hand)
            report.show(console)
            report.write(options.data_dir / "report.json")
            if options.picture:
                report.draw(options.picture)
            self._say_where_next(elapsed)
            if options.keep:
                await supervisor.run_until_stopped()
            if not report.is_clean:
                raise DemoFailed("something was lost, sent twice or against a rule; see above")

    async def _prepare(self) -> Sequence[str]:
        """Schema and cadences; returns the names of those that are played."""
        found = read_plays(self._options.cadences)
        await upgrade_async(self._servers.database_url)
        async with Database(self._servers.database_url) as database, database.transaction() as tx:
            for sources, _ in found.values():
                await apply_cadence(tx, sources, self._clock.now())
        return list(found)[: len(self._options.cadences)]

    @asynccontextmanager
    async def _processes(
        self, accounts: Accounts, plays: Sequence[Play]
    ) -> AsyncIterator[Supervisor]:
        options = self._options
        token = secrets.token_hex(16)
        webhook_secret = secrets.token_hex(16)
        public_url = f"http://127.0.0.1:{self._ports['http']}"
        deployment = LocalDeployment(
            env={
                **_foreign(os.environ),
                "CADENZA_INSTANCE": instance_name(options.data_dir),
                "CADENZA_DATABASE_URL": self._servers.database_url,
                "CADENZA_REDIS_URL": self._servers.redis_url,
                "CADENZA_SECRET_KEYS": secrets.token_hex(32),
                "CADENZA_ACCOUNTS_FILE": str(self._accounts_file),
                "CADENZA_PUBLIC_URL": public_url,
                "CADENZA_MAIL_DOMAIN": "answers.cadenza-demo.example",
                "CADENZA_API_TOKEN": token,
                "CADENZA_UNIPILE_WEBHOOK_SECRET": webhook_secret,
                "CADENZA_GATEWAY_PORT": str(self._ports["http"]),
                "CADENZA_MAILBOX_PORT": str(self._ports["smtp_in"]),
                "CADENZA_CLOCK_FILE": str(options.data_dir / "clock"),
                # In time-lapse a wait is not a moment but a part of a day.
                "CADENZA_SCHEDULER_IDLE_SECONDS": "0.05",
                "CADENZA_STAGE_AHEAD_SECONDS": "0",
                "CADENZA_BATCH_LEASE_SECONDS": "10",
                "CADENZA_SHARD_LEASE_SECONDS": "5",
            },
            logs=options.data_dir / "logs",
            ports=self._ports,
            workers=options.workers,
        )
        deployment.write_env(options.data_dir / "env")
        self._urls = _urls(public_url, deployment)
        supervisor = Supervisor(on_death=partial(release_leases, deployment.database_url))
        for server in self._servers.running:
            supervisor.watch(server)
        supervisor.add(
            sandbox_spec(
                options.data_dir,
                env=deployment.env,
                ports={name: self._ports[name] for name in OUTSIDE},
                inbound_smtp_port=self._ports["smtp_in"],
                public_url=public_url,
                api_token=token,
                webhook_secret=webhook_secret,
                accounts=accounts,
                seed=options.seed,
                response=options.response,
                systems=[s for play in plays if (s := play.system(public_url, token))],
                personas={k: v for play in plays for k, v in play.personas(options.seed).items()},
            )
        )
        for spec in deployment.specs():
            supervisor.add(spec)
        await supervisor.start()
        try:
            yield supervisor
        finally:
            await supervisor.stop()

    def _ops_person(self, database: Database, accounts: Accounts) -> Sequence[OpsPerson]:
        """Who pauses accounts and enrollments: one or none."""
        if not self._options.pauses:
            return ()
        person = OpsPerson(
            database=database,
            course=Course(Ground.of(Catalog(), accounts, self._clock)),
            clock=self._clock,
            per_day=self._options.pauses,
            seed=self._options.seed,
            start=self._start,
        )
        return (person,)

    async def _report(
        self,
        database: Database,
        world: World,
        accounts: Accounts,
        elapsed: float,
        by_hand: Mapping[str, int],
    ) -> DemoReport:
        async with database.connection() as db:
            steps = await figures.by_step(db)
            totals = await figures.totals(db, self._clock.now())
            claims = await figures.witnessed_claims(db)
            await write_touches(db, self._options.data_dir / "touches.jsonl")
        return DemoReport(
            start=self._start,
            days=self._options.days,
            elapsed_seconds=elapsed,
            steps=steps,
            totals=totals,
            verdict=await compare(claims, world.ledger()),
            audit=await audit(database, Catalog(), accounts),
            by_hand=by_hand,
        )

    def _say_where_next(self, elapsed: float) -> None:
        folder = self._options.data_dir
        self._console.print(
            f"\n{self._options.days} days in [bold]{elapsed:.1f} s[/]. "
            f"Figures: {folder / 'report.json'}   logs: {folder / 'logs'}   "
            f"what the world received: {folder / 'sandbox' / 'ledger.jsonl'}"
        )
        if self._options.keep:
            for name, url in self._urls.items():
                self._console.print(f"  {name:12} {url}")
            self._console.print(
                f"In another terminal: [bold]. {folder / 'env'}[/], then for instance cadenza "
                "status, cadenza tasks list, cadenza audit. Everything stays up until Ctrl-C."
            )


def _urls(public_url: str, deployment: LocalDeployment) -> Mapping[str, str]:
    metrics = {
        name: f"http://127.0.0.1:{deployment.ports[name]}/metrics"
        for name in process_names(deployment.workers)
    }
    return {"gateway": f"{public_url}/readyz", **{f"{n} metrics": u for n, u in metrics.items()}}


def _foreign(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The shell's environment without settings that were meant for another deployment."""
    return {name: value for name, value in environ.items() if not name.startswith("CADENZA_")}
