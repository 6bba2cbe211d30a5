"""Touches a second through the real pipeline, and microseconds a touch by phase.

One worker and one scheduler in this process, on embedded PostgreSQL and
Valkey (without fsync), deliver the first mail of the shipped cadence:
through a sender that only counts, and over SMTP to the sandbox, which is a
process of its own. "One at a time" delivers batch after batch, so that
phases add up; "4 at once" is how a worker process works.
"""

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

import cadences
from cadenza.accounts import Accounts
from cadenza.language.loader import read_sources
from cadenza.model import BatchId
from cadenza.storage.migrations import upgrade
from console.embedded import EmbeddedServers, embedded_servers
from monitoring.metrics import Phase
from senders.registry import sender_types
from tests.support.databases import Databases
from tests.support.folders import quick_folder
from tests.support.pipeline import Pipeline, pipeline

TOUCHES = 3000  # 15 batches: a scheduler has at most 32 out
ROUNDS = 3
AT_ONCE = 4
ACCOUNTS = 20
CONNECTIONS = 4
CADENCE = Path(cadences.__file__).parent / "ten-touch.yaml"
# Of the second day of the cadence, in Paris: all its mails are due, none has missed its window.
AFTERNOON = datetime(2026, 3, 3, 15, 55, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One delivery of many touches, in microseconds a touch.

    computed: time of this process's processor. phases: they overlap if batches did.
    """

    touches: int
    total: float
    computed: float
    enroll: float
    stage: float
    phases: Mapping[str, float]


def accounts(port: int | None) -> Accounts:
    """Mailboxes of the counting sender, or of the sandbox at `port`."""
    provider: Mapping[str, Any] = {"provider": "scripted"}
    if port is not None:
        settings = {"host": "127.0.0.1", "port": port, "tls": "none", "connections": CONNECTIONS}
        provider = {"provider": "smtp", "settings": settings}
    return Accounts.model_validate(
        {
            "organisation": {"name": "Northwind", "postal_address": "1 Quay Street"},
            "owners": [{"id": "anna", "name": "Anna", "email": "anna@reps.example"}],
            "accounts": [
                {
                    "id": f"mail-{n}",
                    "channel": "email",
                    "address": f"anna{n}@send.example",
                    "group": "outreach",
                    "limits": {"per_day": 1_000_000, "min_gap": "none"},
                    **provider,
                }
                for n in range(ACCOUNTS)
            ],
        }
    )


@contextmanager
def sandbox(folder: Path) -> Iterator[int]:
    """The port of a sandbox's mail server whose people never react."""
    rates = dict.fromkeys(
        ("hard_bounce", "soft_bounce", "opened", "clicked", "reply", "unsubscribe"), 0.0
    )
    settings = folder / "sandbox.json"
    settings.write_text(json.dumps({"var_dir": str(folder / "world"), "rates": rates}))
    ready = folder / "world" / "ready.json"
    with subprocess.Popen([sys.executable, "-m", "sandbox", str(settings)]) as process:
        try:
            while not ready.exists():
                if process.poll() is not None:
                    raise RuntimeError("the sandbox did not start")
                time.sleep(0.02)
            yield json.loads(ready.read_text())["ports"]["smtp"]
        finally:
            process.terminate()


async def enroll(line: Pipeline) -> None:
    """Enroll everybody, reachable by mail alone."""
    rows = [
        {
            "email": f"p{n}@example.com",
            "first_name": "Zoé",
            "last_name": "Núñez",
            "company": f"Crêperie {n}",
            "country": "FR",
        }
        for n in range(TOUCHES)
    ]
    for n in range(0, TOUCHES, 1000):
        document = {"key": f"part-{n}", "cadence": "ten-touch", "prospects": rows[n : n + 1000]}
        await line.enroller.enroll(json.dumps(document).encode())


async def staged(line: Pipeline) -> Sequence[BatchId]:
    """Batches of all that is due."""
    found: list[BatchId] = []
    while released := await line.release():
        found += released
    return found


async def deliver(line: Pipeline, batches: Sequence[BatchId], at_once: int) -> None:
    """Deliver them all, `at_once` at a time."""
    waiting = iter(batches)

    async def work() -> None:
        for batch_id in waiting:
            await line.delivery.deliver(batch_id)

    await asyncio.gather(*(work() for _ in range(at_once)))


async def run(database_url: str, redis_url: str, port: int | None, at_once: int) -> Run:
    """From enrollment to the ledger."""
    async with pipeline(
        database_url,
        redis_url,
        file=accounts(port),
        sources=read_sources(CADENCE),
        sender_types=None if port is None else sender_types(),
    ) as line:
        times = [time.perf_counter()]
        await enroll(line)
        times.append(time.perf_counter())
        line.clock.advance(AFTERNOON - line.clock.now())
        batches = await staged(line)
        times.append(time.perf_counter())
        computed = time.process_time()
        await deliver(line, batches, at_once)
        computed = time.process_time() - computed
        times.append(time.perf_counter())
        sent = await line.value("select count(*) from touch where status = 'sent'")
        enrolling, staging, delivering = (
            1e6 * (after - before) for before, after in itertools.pairwise(times)
        )
        return Run(
            touches=sent,
            total=delivering / sent,
            computed=1e6 * computed / sent,
            enroll=enrolling / TOUCHES,
            stage=staging / sent,
            phases={phase: 1e6 * seconds / sent for phase, seconds in _seconds(line).items()},
        )


def _seconds(line: Pipeline) -> Mapping[str, float]:
    """How long each phase took."""
    return {
        sample.labels["phase"]: sample.value
        for metric in line.metrics.delivery_phase.collect()
        for sample in metric.samples
        if sample.name.endswith("_sum")
    }


def fastest(runs: Sequence[Run]) -> Run:
    """The run that was least disturbed by whatever else the machine does."""
    return min(runs, key=lambda each: each.total)


def show(name: str, one: Run, several: Run) -> None:
    """Print both runs of one sender."""
    phases = "  ".join(f"{phase} {one.phases[phase]:.0f}" for phase in Phase)
    print(f"  {name}, {one.touches:,} touches; µs a touch:")
    print(f"    before         enroll {one.enroll:.0f}  stage {one.stage:.0f}")
    for way, each in (("one at a time", one), (f"{AT_ONCE} at once", several)):
        rate = f"{1e6 / each.total:.0f} touches/s"
        print(f"    {way:14} {each.total:.0f}, of it {each.computed:.0f} of Python: {rate}")
    print(f"    by phase       {phases}")


def main() -> None:
    """Measure and print."""
    runs: defaultdict[tuple[str, int], list[Run]] = defaultdict(list)
    with (
        quick_folder() as folder,
        embedded_servers(folder, durable=False) as servers,
        Databases(servers.database_url) as databases,
        sandbox(folder) as port,
    ):
        template = databases.make_template(upgrade)
        ways = itertools.product((("counting sender", None), ("SMTP", port)), (1, AT_ONCE))
        for _, ((name, at), at_once) in itertools.product(range(ROUNDS), list(ways)):
            runs[name, at_once].append(measure(databases, template, servers, at, at_once))
    best = {way: fastest(several) for way, several in runs.items()}
    for name in ("counting sender", "SMTP"):
        show(name, best[name, 1], best[name, AT_ONCE])
    ratio = best["SMTP", AT_ONCE].total / best["counting sender", AT_ONCE].total
    print(f"  a touch by SMTP costs {ratio:.2f} times one that is only counted")


def measure(
    databases: Databases, template: str, servers: EmbeddedServers, port: int | None, at_once: int
) -> Run:
    """One run on a database of its own."""
    name = databases.clone(template)
    try:
        return uvloop.run(run(databases.url_of(name), servers.redis_url, port, at_once))
    finally:
        databases.drop(name)


if __name__ == "__main__":
    main()
