"""A desk: command line and API of a deployment whose worker and scheduler the test drives."""

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from typer.testing import CliRunner, Result

from cadenza.fence import Fence
from cadenza.settings import Settings
from console.commands import command_line
from console.processes.common import Parts
from tests.support.pipeline import Pipeline
from workers.intake import Intake, enrollments

MIXED: Mapping[str, str] = {
    "mixed.yaml": """
cadence: mixed
title: Mails and a call
objective: meeting_booked
days: business
window: {days: mon-fri, hours: "09:00-17:00"}
from: {email: outreach}
exit: {replied: stop, bounced: stop, unsubscribed: stop, complained: stop, meeting_booked: won}
steps:
  - step: hello
    email: hello
    day: 1
  - step: first-call
    task: call
    day: 2
    title: "Call {{ prospect.first_name }}"
    script: "Good morning {{ prospect.first_name }}"
    checklist: [Read the profile]
    dispositions: [connected, no_answer, meeting_booked]
    wait: 2 days
  - step: again
    email: again
    day: 9
  - step: done
    end: no_response
""",
    "templates/hello.liquid": '---\nsubject: "Hello {{ prospect.first_name }}"\n---\nDear you.\n',
    "templates/again.liquid": '---\nsubject: "Again"\n---\nOnce more.\n',
}

ACCOUNTS: Mapping[str, Any] = {
    "organisation": {
        "name": "Northwind",
        "postal_address": "1 Quay Street",
        "time_zone": "Europe/Paris",
    },
    "owners": [
        {"id": "anna", "name": "Anna", "email": "anna@reps.example"},
        {"id": "bert", "name": "Bert", "email": "bert@reps.example", "roles": ["payments"]},
    ],
    "accounts": [
        {
            "id": f"mail-{n}",
            "channel": "email",
            "provider": "scripted",
            "address": f"anna{n}@send.example",
            "group": "outreach",
            "limits": {"per_day": 50, "min_gap": "none"},
        }
        for n in range(2)
    ],
}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """line: the deployment. folder: a place for files. The command line sees the same time."""

    line: Pipeline
    folder: Path
    redis_url: str
    clock_file: Path

    async def cadenza(self, *arguments: str, answer: str | None = None) -> Result:
        """Run a command; `answer` is typed when it asks."""
        offset = self.line.clock.now() - self.line.clock.wall()
        self.clock_file.write_bytes(struct.pack("<q", offset // timedelta(microseconds=1)))
        return await asyncio.to_thread(CliRunner().invoke, command_line(), arguments, input=answer)

    async def ok(self, *arguments: str, answer: str | None = None) -> str:
        """Its output; it has to end with status 0."""
        result = await self.cadenza(*arguments, answer=answer)
        assert result.exit_code == 0, result.output
        return result.stdout

    async def json(self, *arguments: str) -> Any:
        """What it prints with `--json`."""
        return json.loads(await self.ok(*arguments, "--json"))

    async def refused(self, *arguments: str) -> str:
        """What it says on standard error when it ends with status 1."""
        result = await self.cadenza(*arguments)
        assert result.exit_code == 1, result.output
        return " ".join(result.stderr.split())

    def write(self, name: str, text: str, encoding: str = "utf-8") -> str:
        """A file; returns its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding=encoding, newline="")
        return str(path)

    def parts(self) -> Parts:
        """What the API is built from."""
        return Parts(
            settings=Settings.load(),
            clock=self.line.clock,
            database=self.line.database,
            accounts=self.line.accounts,
            catalog=self.line.catalog,
            ground=self.line.ground,
            course=self.line.course,
            links=self.line.links,
            fence=Fence("test", self.line.clock),
        )

    @asynccontextmanager
    async def intake(self) -> AsyncIterator[Redis]:
        """Somebody reads the stream of enrollment messages; gives a bare Redis client."""
        async with reading(self.line, self.redis_url) as client:
            yield client


@asynccontextmanager
async def reading(line: Pipeline, redis_url: str) -> AsyncIterator[Redis]:
    client, reader = Redis.from_url(redis_url), Redis.from_url(redis_url)
    intake = Intake(client=reader, inlet=enrollments(line.enroller.enroll), consumer="c")
    task = asyncio.create_task(intake.run())
    try:
        yield client
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await client.aclose()
        await reader.aclose()
