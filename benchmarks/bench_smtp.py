"""Mails a second of SmtpSender, plain aiosmtplib and smtp-source; what a mail costs to build.

One sink process takes them all. `begin` stands for the journal: a group
commit of a millisecond that all connections share. smtp-source (Debian:
apt install postfix) is measured if it is on PATH.
"""

import asyncio
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from pathlib import Path
from typing import Any

import aiosmtplib
import uvloop

from cadenza.accounts import SenderAccount
from cadenza.errors import SendWithheld
from cadenza.model import Channel, OutboundEmail, TouchId
from senders.email_smtp.mime import MailComposer
from senders.email_smtp.sender import SmtpSender

MAILS = 2000
SLOW_MAILS = 200
ROUNDS = 3
CERTIFICATE = Path(__file__).parents[1] / "tests" / "senders" / "certs" / "localhost.pem"
PARAGRAPH = (
    "Bonjour Élodie,\n\nj'ai lu que votre équipe à Genève s'agrandit, félicitations ! "
    "Plusieurs sociétés comme la vôtre ont gagné 30 % de temps avec nous.\n\n"
)

Begin = Callable[[], Awaitable[None]]


def touch(number: int, *, french: bool = True) -> OutboundEmail:
    """A mail like those that cadences send: about 0.6 kB of text, 1.3 kB of HTML."""
    text = PARAGRAPH * 3
    if not french:
        text = text.encode("ascii", "ignore").decode()
    html = "".join(f'<p style="margin:0 0 1em">{line}</p>\n' for line in text.split("\n\n"))
    link = f'<p><a href="https://t.example/c/{number:028}">30 minutes ?</a></p>\n'
    return OutboundEmail(
        touch_id=TouchId(number),
        account_id="chloe",
        skeleton=(1, "intro", "chloe"),
        sender_name="Chloé Martin",
        sender_address="chloe@sender.example",
        recipient_name="Élodie Dupont" if french else "Jane Doe",
        recipient=f"p{number}@prospect.example",
        envelope_from=f"b+{number:028}@bounce.sender.example",
        reply_to=f"r+{number:028}@reply.sender.example",
        subject="Une idée pour Société Générale" if french else "An idea for Acme",
        text=text,
        html=f"<!doctype html><html><body>\n{html}{link}</body></html>\n",
        message_id=f"<{number:028}@sender.example>",
        in_reply_to=None,
        references=(),
        list_id="intro.sender.example",
        unsubscribe_url=f"https://t.example/u/{number:028}",
        unsubscribe_mailto=f"u+{number:028}@reply.sender.example",
        date=datetime(2025, 3, 9, 8, 5, 1, tzinfo=UTC),
    )


def standard(mail: OutboundEmail) -> EmailMessage:
    """The same mail by the standard library."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"{mail.sender_name} <{mail.sender_address}>"
    message["To"] = f"{mail.recipient_name} <{mail.recipient}>"
    message["Subject"] = mail.subject
    message["Date"] = mail.date
    message["Message-ID"] = mail.message_id
    message["Reply-To"] = mail.reply_to
    message["List-Id"] = f"<{mail.list_id}>"
    message["List-Unsubscribe"] = f"<{mail.unsubscribe_url}>, <mailto:{mail.unsubscribe_mailto}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def finished(mail: OutboundEmail) -> bytes:
    """Its octets."""
    return standard(mail).as_bytes()


class GroupCommit:
    """Stands for the journal: whoever comes while one commit runs shares the next."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: list[asyncio.Future[None]] = []
        self._running = False

    async def __call__(self) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        if not self._running:
            self._commit(loop)
        await future

    def _commit(self, loop: asyncio.AbstractEventLoop) -> None:
        group, self._waiting = self._waiting, []
        self._running = bool(group)
        if group:
            loop.call_later(self._seconds, self._done, loop, group)

    def _done(self, loop: asyncio.AbstractEventLoop, group: list[asyncio.Future[None]]) -> None:
        for future in group:
            future.set_result(None)
        self._commit(loop)


async def at_once() -> None:
    """A journal that costs nothing."""


async def withhold() -> None:
    """A journal that refuses everything."""
    raise SendWithheld("stopped")


@contextmanager
def sink(*arguments: str) -> Iterator[int]:
    """The port of a sink process."""
    command = [sys.executable, "-m", "benchmarks.smtp_sink", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def account(port: int, connections: int, *, tls: bool = False) -> SenderAccount:
    """An account at the sink."""
    said = {"tls": "starttls", "ca_file": str(CERTIFICATE)} if tls else {"tls": "none"}
    return SenderAccount(
        id="chloe",
        channel=Channel.EMAIL,
        provider="smtp",
        address="chloe@sender.example",
        settings={"host": "localhost", "port": port, "connections": connections, **said},
    )


async def ours(port: int, connections: int, begin: Begin, *, tls: bool = False) -> float:
    """Mails a second through SmtpSender, built and sent."""
    sender = SmtpSender.for_account(account(port, connections, tls=tls))
    await sender.open()
    touches = iter([touch(number) for number in range(MAILS)])

    async def send() -> None:
        for mail in touches:
            await sender.send(mail, begin)

    await sender.send(touch(0), begin)
    started = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(connections)))
    rate = MAILS / (time.perf_counter() - started)
    await sender.close()
    return rate


async def plain(port: int, connections: int, how: str) -> float:
    """Mails a second through as many kept aiosmtplib connections.

    how: `octets` hands over finished octets, `message` an EmailMessage made
    before, `build` makes that too.
    """
    count = MAILS if how == "octets" else SLOW_MAILS
    touches = [touch(number) for number in range(count)]
    messages = [] if how == "build" else [standard(mail) for mail in touches]
    octets = [message.as_bytes() for message in messages] if how == "octets" else []
    numbers = iter(range(count))

    async def send() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            for n in numbers:
                mail = touches[n]
                if octets:
                    await client.sendmail(mail.envelope_from, [mail.recipient], octets[n])
                else:
                    message = messages[n] if messages else standard(mail)
                    await client.send_message(message, sender=mail.envelope_from)

    started = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(connections)))
    return count / (time.perf_counter() - started)


async def withheld_price(port: int, *, tls: bool) -> float:
    """Milliseconds that one withheld mail costs: its connection, and the next one's opening."""
    sender = SmtpSender.for_account(account(port, 1, tls=tls))
    await sender.open()
    await sender.send(touch(0), at_once)
    started = time.perf_counter()
    for number in range(200):
        try:
            await sender.send(touch(number), withhold)
        except SendWithheld:
            continue
    price = (time.perf_counter() - started) / 200
    await sender.close()
    return price * 1000


def smtp_source(program: str, port: int, connections: int) -> float:
    """Mails a second through Postfix's load generator."""
    size = str(len(MailComposer().compose(touch(1)).data))
    command = [program, "-d", "-s", str(connections), "-m", str(MAILS), "-l", size]
    started = time.perf_counter()
    subprocess.run([*command, f"127.0.0.1:{port}"], check=True, capture_output=True)
    return MAILS / (time.perf_counter() - started)


def microseconds(work: Callable[[], object], times: int) -> float:
    """What one call costs: the median of five rounds."""
    rounds = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(times):
            work()
        rounds.append((time.perf_counter() - started) / times * 1e6)
    return statistics.median(rounds)


def bench_building() -> None:
    """Print what a mail costs to build."""
    composer = MailComposer()
    for name, french in (("accented", True), ("ASCII", False)):
        mail = touch(1, french=french)
        fast = microseconds(partial(composer.compose, mail), 1000)
        slow = microseconds(partial(finished, mail), 50)
        print(
            f"  build one mail, {name:9} skeleton {fast:6.1f} µs   EmailMessage {slow:7.1f} µs"
            f"   ratio {slow / fast:5.1f}"
        )


def bench_sending(port: int, tls_port: int) -> None:
    """Print mails a second and ratios to plain aiosmtplib."""
    program = shutil.which("smtp-source")
    for connections in (1, 2, 8):
        ways: dict[str, Callable[[], float]] = {
            "aiosmtplib, finished octets": partial(run, plain, port, connections, "octets"),
            "aiosmtplib, EmailMessage": partial(run, plain, port, connections, "message"),
            "aiosmtplib, EmailMessage built": partial(run, plain, port, connections, "build"),
            "SmtpSender": partial(run, ours, port, connections, at_once),
            "SmtpSender, journal of 1 ms": partial(run, ours, port, connections, GroupCommit(1e-3)),
            "SmtpSender, STARTTLS": partial(run, ours, tls_port, connections, at_once, tls=True),
        }
        if program is not None:
            ways["smtp-source"] = partial(smtp_source, program, port, connections)
        rates = {
            name: statistics.median(way() for _ in range(ROUNDS)) for name, way in ways.items()
        }
        yardstick = "smtp-source" if program else next(iter(ways))
        print(f"  {connections} connection(s), ratios to {yardstick}:")
        for name, rate in rates.items():
            print(f"    {name:32} {rate:7.0f} mails/s   {rate / rates[yardstick]:5.2f}")


def run(work: Callable[..., Coroutine[Any, Any, float]], *args: Any, **options: Any) -> float:
    """Run `work` on uvloop, as workers do."""
    return uvloop.run(work(*args, **options))


def main() -> None:
    """Measure and print."""
    bench_building()
    with sink() as port, sink("--starttls", str(CERTIFICATE)) as tls_port:
        bench_sending(port, tls_port)
        for name, at, tls in (("plain", port, False), ("STARTTLS", tls_port, True)):
            price = uvloop.run(withheld_price(at, tls=tls))
            print(f"  a withheld mail costs its connection, {name}: {price:.2f} ms")
    if shutil.which("smtp-source") is None:
        print("  smtp-source is not on PATH: not measured")


if __name__ == "__main__":
    main()
