"""What people do about their mail.

Every reaction follows from the seed, the address and what the mail says, so that a run repeated
brings the same reactions, in whatever order its mails arrive.
"""

from collections.abc import Mapping
from functools import partial
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.agenda import Agenda
from sandbox.auto_replies import compose_absence
from sandbox.bounce_composer import compose_bounce
from sandbox.clock import ScheduleClock
from sandbox.draw import Draw
from sandbox.http_client import Answer, NoAnswer, WebClient
from sandbox.ledger import Ledger
from sandbox.mail_composer import (
    Mood,
    OutgoingMail,
    author_of,
    compose_reply,
    compose_unsubscribe,
)
from sandbox.mail_reader import ReceivedMail
from sandbox.personas import Persona, Personas
from sandbox.settings import PersonaName

MOODS: Mapping[PersonaName, Mood] = {
    "replies_positive": "positive",
    "replies_negative": "negative",
    "asks_to_stop": "stop",
}
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0",
)
SECOND_US = 1_000_000


class MailSink(Protocol):
    """Where people put the mails they write."""

    def __call__(self, mail: OutgoingMail, action: str, *, person: str, key: str) -> None:
        """Send the mail, and write the action down when its fate is known."""


class MailReaders:
    """The people behind mail addresses."""

    def __init__(
        self,
        seed: int,
        *,
        personas: Personas,
        clock: ScheduleClock,
        agenda: Agenda,
        ledger: Ledger,
        web: WebClient,
        send: MailSink,
    ) -> None:
        self._seed = seed
        self._personas = personas
        self._clock = clock
        self._agenda = agenda
        self._ledger = ledger
        self._web = web
        self._send = send

    def receive(self, address: str, mail: ReceivedMail) -> None:
        """Decide at once what the person will do about the mail, and put it on the agenda."""
        persona = self._personas.by_mail(address)
        draw = Draw(self._seed, "mail", address, mail.digest)
        reacts = draw.happens(persona.reaction)
        name: PersonaName = persona.name if reacts else "ordinary"
        if name in ("hard_bounce_dsn", "soft_bounce_dsn"):
            self._bounce(address, mail, draw, hard=name == "hard_bounce_dsn")
            return
        if name == "out_of_office":
            delay_us = 1 * SECOND_US + int(draw.uniform() * 60 * SECOND_US)
            self._agenda.after(delay_us, partial(self._answer_automatically, address, mail, draw))
        elif name == "unsubscribes":
            delay_us = draw.delay_us(median_minutes=90, spread=1.2, most_minutes=2_880)
            self._agenda.after(delay_us, partial(self._unsubscribe, address, mail, draw))
        elif name in MOODS:
            delay_us = draw.delay_us(median_minutes=240, spread=1.0, most_minutes=4_320)
            self._agenda.after(delay_us, partial(self._reply, address, mail, MOODS[name], draw))
        self._read(address, mail, persona, draw)

    def _read(self, address: str, mail: ReceivedMail, persona: Persona, draw: Draw) -> None:
        if not draw.happens(persona.opens):
            return
        key = mail.message_id
        images = [url for url in mail.image_urls() if self._web.reaches(url)]
        delay_us = draw.delay_us(median_minutes=40, spread=1.4, most_minutes=4_320)
        browser = draw.choice(BROWSERS)
        if draw.happens(persona.clicks):
            links = [url for url in mail.link_urls() if self._web.reaches(url)]
            if links:
                click_us = delay_us + int((5 + 90 * draw.uniform()) * SECOND_US)
                click = partial(self._click, address, key, draw.choice(links), browser)
                self._agenda.after(click_us, click)
        if not images:
            return
        times = draw.weighted((1, 2, 3, 4), (60, 25, 10, 5))
        for _ in range(times):
            self._agenda.after(delay_us, partial(self._open, address, key, images, browser))
            delay_us += draw.delay_us(median_minutes=300, spread=1.2, most_minutes=7_200)

    async def _open(self, address: str, key: str, images: list[str], browser: str) -> None:
        answers = [await self._visit("GET", url, browser) for url in images]
        bad = [answer for answer in answers if isinstance(answer, str) or not answer.is_good]
        self._note("opened", address, key, (bad or answers)[0])

    async def _click(self, address: str, key: str, url: str, browser: str) -> None:
        self._note("clicked", address, key, await self._visit("GET", url, browser))

    async def _unsubscribe(self, address: str, mail: ReceivedMail, draw: Draw) -> None:
        urls = mail.unsubscribe_urls
        web = next((url for url in urls if self._web.reaches(url)), None)
        mailto = next((url for url in urls if url.lower().startswith("mailto:")), None)
        if web is not None and mail.unsubscribes_in_one_click:
            # RFC 8058, 3.2: a POST with this body and without cookies or context.
            answer = await self._visit(
                "POST", web, draw.choice(BROWSERS), form=b"List-Unsubscribe=One-Click"
            )
            self._note("unsubscribed", address, mail.message_id, answer)
        elif mailto is not None:
            parts = urlsplit(mailto)
            subject = parse_qs(parts.query).get("subject", ["unsubscribe"])[0]
            author = author_of(address, mail)
            to = unquote(parts.path)
            message = compose_unsubscribe(author, to, subject, self._clock.now(), draw)
            self._send(message, "unsubscribed", person=address, key=mail.message_id)
        else:
            self._note("unsubscribed", address, mail.message_id, "no way to unsubscribe")

    async def _reply(self, address: str, mail: ReceivedMail, mood: Mood, draw: Draw) -> None:
        author = author_of(address, mail)
        reply = compose_reply(author, mail, mood, self._clock.now(), draw)
        self._send(reply, f"replied_{mood}", person=address, key=mail.message_id)

    async def _answer_automatically(self, address: str, mail: ReceivedMail, draw: Draw) -> None:
        reply = compose_absence(author_of(address, mail), mail, self._clock.now(), draw)
        if reply is not None:
            self._send(reply, "auto_replied", person=address, key=mail.message_id)

    def _bounce(self, address: str, mail: ReceivedMail, draw: Draw, *, hard: bool) -> None:
        async def bounce() -> None:
            report = compose_bounce(address, mail, hard=hard, now=self._clock.now(), draw=draw)
            if report is not None:
                action = "bounced_hard" if hard else "bounced_soft"
                self._send(report, action, person=address, key=mail.message_id)

        # A hard bounce is soon known; a soft one after hours of retries.
        minutes = 2.0 if hard else 150.0
        delay_us = draw.delay_us(median_minutes=minutes, spread=1.0, most_minutes=2_880)
        self._agenda.after(delay_us, bounce)

    async def _visit(self, method: str, url: str, browser: str, form: bytes = b"") -> Answer | str:
        headers = {"User-Agent": browser, "Accept": "*/*"}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            return await self._web.request(method, url, headers=headers, body=form)
        except (NoAnswer, ValueError) as error:
            return str(error)

    def _note(self, action: str, address: str, key: str, answer: Answer | str) -> None:
        if isinstance(answer, str):
            self._ledger.acted(action, person=address, key=key, done=False, status=answer)
            return
        self._ledger.acted(
            action,
            person=address,
            key=key,
            done=answer.is_good,
            status=str(answer.status),
            detail=answer.location,
        )
