"""Runs `cadenza demo` as a process of its own, and does things to it on the way."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from console.demo.make_prospects import as_csv, make_up

_STOP_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """A demo under way. children: by their `/proc` command lines."""

    process: asyncio.subprocess.Process
    data_dir: Path

    def pids(self, name: str) -> Sequence[int]:
        """The process numbers of `name` (worker, scheduler, gateway …), lowest first."""
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                line = (folder / "cmdline").read_bytes().split(b"\0")
                environ = (folder / "environ").read_bytes()
            except OSError:
                continue
            ours = f"CADENZA_CLOCK_FILE={self.data_dir}/clock".encode() in environ
            if ours and line[-2:] == [name.encode(), b""]:
                found.append(int(folder.name))
        return sorted(found)

    def environ(self) -> dict[str, str]:
        """What its processes were started with."""
        raw = Path(f"/proc/{self.pids('scheduler')[0]}/environ").read_text()
        return dict(line.split("=", 1) for line in raw.split("\0") if "=" in line)

    def kill(self, name: str) -> None:
        """SIGKILL one process called `name`."""
        os.kill(self.pids(name)[0], signal.SIGKILL)

    def flush_redis(self) -> None:
        """FLUSHALL."""
        with redis.Redis.from_url(self.environ()["CADENZA_REDIS_URL"]) as client:
            client.flushall()


async def run_demo(
    folder: Path,
    *arguments: str,
    rows: int,
    faults: Sequence[Callable[[DemoRun], None]] = (),
    timeout_seconds: float = 110,
) -> tuple[int, dict[str, Any], str]:
    """Run the demo with `rows` prospects; each new day brings the next fault.

    Returns exit status, report.json and what it printed.
    """
    prospects = folder / "prospects.csv"
    prospects.write_text(as_csv(make_up(rows, 7).rows), encoding="utf-8")
    data_dir = folder / "demo"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console.main", "demo",
        "--prospects", str(prospects), "--data-dir", str(data_dir), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    run = DemoRun(process=process, data_dir=data_dir)
    waiting = list(faults)
    printed: list[str] = []
    assert process.stdout is not None
    try:
        async with asyncio.timeout(timeout_seconds):
            async for raw in process.stdout:
                line = raw.decode()
                printed.append(line)
                if " touches " in line and waiting and len(printed) > 2:
                    waiting.pop(0)(run)
            status = await process.wait()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
    report = data_dir / "report.json"
    document = json.loads(report.read_text()) if report.exists() else {}
    return status, document, "".join(printed)
