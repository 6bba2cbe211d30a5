"""An SMTP server that takes everything and keeps nothing, fast enough not to be the bottleneck.

Run as a process of its own: `python -m benchmarks.smtp_sink [--starttls PEM]`
prints its port and serves until its standard input closes.
"""

import argparse
import asyncio
import ssl
import sys
from typing import cast

import uvloop

_ANSWERS = {
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
    b"HELO": b"250 sink\r\n",
}


class Sink(asyncio.Protocol):
    """One session."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._buffer = b""
        self._in_mail = False
        self._transport: asyncio.Transport | None = None
        self._upgrade: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._upgrade is None:
            self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._buffer += data
        answers = []
        while True:
            end = b"\r\n.\r\n" if self._in_mail else b"\r\n"
            found = self._buffer.find(end)
            if found < 0:
                break
            line = self._buffer[:found]
            self._buffer = self._buffer[found + len(end) :]
            if self._in_mail:
                self._in_mail = False
                answers.append(b"250 2.0.0 Ok: queued\r\n")
            else:
                answers.append(self._answer(line[:4].upper()))
        if answers:
            if self._upgrade is not None and not self._upgrade.done():
                self._transport.pause_reading()  # what comes next is for TLS
            self._transport.write(b"".join(answers))

    def _answer(self, verb: bytes) -> bytes:
        if verb == b"DATA":
            self._in_mail = True
            return b"354 go on\r\n"
        if verb == b"EHLO":
            clear = self._context is not None and self._upgrade is None
            offer = b"250-STARTTLS\r\n" if clear else b""
            return b"250-sink\r\n" + offer + b"250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n"
        if verb == b"STAR":
            self._upgrade = asyncio.get_running_loop().create_task(self._start_tls())
            return b"220 2.0.0 go on\r\n"
        return _ANSWERS.get(verb, b"502 5.5.2 what?\r\n")

    async def _start_tls(self) -> None:
        assert self._transport is not None
        assert self._context is not None
        loop = asyncio.get_running_loop()
        self._transport = await loop.start_tls(
            self._transport, self, self._context, server_side=True
        )


async def serve(certificate: str | None) -> None:
    """Serve until standard input closes."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(context), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starttls", metavar="PEM", help="offer STARTTLS with this certificate")
    uvloop.run(serve(parser.parse_args().starttls))
