"""Asks the sandbox how it is, over one kept connection: it is asked hundreds of times a second."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class WorldState:
    """Whether the outside world is at rest, and when somebody in it acts next."""

    idle: bool
    next_action_at: datetime | None
    rows: int
    actions: Mapping[str, int]


class World:
    """The sandbox's control API."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def state(self) -> WorldState:
        """How it is now."""
        return _state(await self._ask("GET /state"))

    async def act(self) -> None:
        """What people do by now begins; what reps do, only when nobody else does anything."""
        await self._ask("POST /act")

    async def run_on(self) -> None:
        """From now on people act by themselves when their time has come."""
        await self._ask("POST /run-on")

    async def ledger(self) -> AsyncIterator[Mapping[str, Any]]:
        """Everything that it received, in order."""
        after: int | None = 0
        while after is not None:
            page = await self._ask(f"GET /ledger?after={after}&limit=5000")
            for row in page["rows"]:
                yield row
            after = page["next"]

    async def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _ask(self, what: str) -> Any:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**26)
        reader, writer = self._streams
        writer.write(f"{what} HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 0\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        body = await reader.readexactly(length)
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"the sandbox answered {head.splitlines()[0]!r} to {what}")
        return json.loads(body)


def _state(document: Mapping[str, Any]) -> WorldState:
    at = document["next_action_at"]
    return WorldState(
        idle=document["idle"],
        next_action_at=datetime.fromisoformat(at) if at else None,
        rows=document["rows"],
        actions=document["actions"],
    )
