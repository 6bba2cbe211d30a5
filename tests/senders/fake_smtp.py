"""A relay that does as it is told."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

from cadenza.accounts import SenderAccount
from cadenza.model import Channel, OutboundEmail, TouchId
from tests.senders.servers import FakeProvider, Fault

_DEFAULT = {
    "CONNECT": b"220 fake ESMTP\r\n",
    "RSET": b"250 2.0.0 Ok\r\n",
    "MAIL": b"250 2.1.0 Ok\r\n",
    "RCPT": b"250 2.1.5 Ok\r\n",
    "DATA": b"354 go on\r\n",
    "BODY": b"250 2.0.0 Ok: queued as 4711\r\n",
    "QUIT": b"221 2.0.0 Bye\r\n",
}
RECIPIENT = "elodie@prospect.example"
_FAULTS = {
    Fault.BUSY: ("RCPT", b"450 4.2.0 <elodie@prospect.example> greylisted\r\n"),
    Fault.REFUSES: ("RCPT", b"554 5.7.1 <elodie@prospect.example> refused\r\n"),
    Fault.NO_SUCH_RECIPIENT: ("RCPT", b"550 5.1.1 <elodie@prospect.example> unknown\r\n"),
    Fault.REFUSES_ACCOUNT: ("MAIL", b"550 5.7.60 <bounce@sender.example> not allowed\r\n"),
}


class Act(Enum):
    """Instead of a reply."""

    HANG_UP = auto()
    SAY_NOTHING = auto()


class FakeSmtp(FakeProvider):
    """script: replies by phase, used up one by one before the usual ones.

    drips: answers octet by octet. commands: all that came, without line
    ends. mails: contents as they came over the wire, without the final
    dot. abandoned: what had come of a content when its connection ended.
    """

    private = ("elodie", "prospect.example", "bounce@", "chloe", "wordpass")

    def __init__(self) -> None:
        super().__init__()
        self.drips = False
        self.extensions = ["PIPELINING", "SIZE 1000000", "ENHANCEDSTATUSCODES"]
        self.script: defaultdict[str, list[bytes | Act]] = defaultdict(list)
        self.commands: list[str] = []
        self.mails: list[bytes] = []
        self.abandoned: list[bytes] = []

    def account(self, **settings: object) -> SenderAccount:
        return SenderAccount(
            id="chloe-mail",
            channel=Channel.EMAIL,
            provider="smtp",
            address="chloe@sender.example",
            settings={
                "host": "127.0.0.1",
                "port": self.port,
                "tls": "none",
                "timeout_seconds": 5,
                **settings,
            },
        )

    def touch(self, number: int = 1, **changes: Any) -> OutboundEmail:
        return email(number, **changes)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._answer(writer, "CONNECT")
        while line := await reader.readline():
            assert line.endswith(b"\r\n"), line
            self.commands.append(line[:-2].decode())
            verb = line[:4].decode().strip().upper()
            if await self._answer(writer, verb) == b"354":
                await self._content(reader, writer)
            if verb == "QUIT":
                return

    async def _content(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        content = b"\r\n"
        try:
            while not content.endswith(b"\r\n.\r\n"):
                content += await reader.readuntil(b"\r\n")
        except asyncio.IncompleteReadError as end:
            self.abandoned.append(content[2:] + end.partial)
            raise
        self.mails.append(content[2:-3])
        fault = await self.take(content)
        if fault is Fault.HANGS_UP:
            raise ConnectionAbortedError
        await self._answer(writer, "BODY")

    async def _answer(self, writer: asyncio.StreamWriter, phase: str) -> bytes:
        reply = self._reply(phase)
        if reply is Act.SAY_NOTHING:
            await asyncio.Event().wait()
        if reply is Act.HANG_UP:
            raise ConnectionAbortedError
        assert isinstance(reply, bytes)
        for piece in [bytes([octet]) for octet in reply] if self.drips else [reply]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return reply[:3]

    def _reply(self, phase: str) -> bytes | Act:
        if self.script[phase]:
            return self.script[phase].pop(0)
        if self.fault in _FAULTS and _FAULTS[self.fault][0] == phase:
            return _FAULTS[self.fault][1]
        if phase == "EHLO":
            lines = ["fake", *self.extensions]
            return "".join(
                f"250{'-' if n < len(lines) else ' '}{line}\r\n" for n, line in enumerate(lines, 1)
            ).encode()
        return _DEFAULT.get(phase, b"502 5.5.2 what?\r\n")


def email(number: int = 1, **changes: Any) -> OutboundEmail:
    """A mail like those that cadences send; `changes` replaces fields."""
    fields: dict[str, Any] = {
        "touch_id": TouchId(number),
        "account_id": "chloe-mail",
        "skeleton": (7, "intro", "chloe-mail"),
        "sender_name": "Chloé Martin",
        "sender_address": "chloe@sender.example",
        "recipient_name": "Élodie Dupont",
        "recipient": RECIPIENT,
        "envelope_from": f"bounce+{number}@sender.example",
        "reply_to": f"reply+{number}@sender.example",
        "subject": f"Une idée pour Société Générale (touch-{number})",
        "text": f"Bonjour Élodie,\n\nvoici touch-{number}.\n.\n.. fin\n",
        "html": f"<p>Bonjour Élodie,</p>\n<p>voici touch-{number}.</p>\n",
        "message_id": f"<t{number}@sender.example>",
        "in_reply_to": "<t0@sender.example>",
        "references": ("<t0@sender.example>",),
        "list_id": "<intro.sender.example>",
        "unsubscribe_url": "https://c.example/u/abc",
        "unsubscribe_mailto": "unsubscribe+abc@sender.example",
        "date": datetime(2025, 3, 9, 8, 5, 1, tzinfo=UTC),
    }
    return OutboundEmail(**(fields | changes))
