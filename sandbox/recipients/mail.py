"""What people do about their mail.

Every reaction follows from the seed, the address and how many mails it was given before
(`sandbox.behaviour`), so that a run repeated brings the same reactions.
"""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.agenda import Act, Agenda
from sandbox.auto_replies import compose_absence
from sandbox.behaviour import Behaviour, DeedName, words_of
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

MOODS: Mapping[DeedName, Mood] = {
    "replied_positive": "positive",
    "replied_negative": "negative",
    "replied_stop": "stop",
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
        behaviour: Behaviour,
        clock: ScheduleClock,
        agenda: Agenda,
        ledger: Ledger,
        web: WebClient,
        send: MailSink,
    ) -> None:
        self._seed = seed
        self._behaviour = behaviour
        self._received: Counter[str] = Counter()
        self._clock = clock
        self._agenda = agenda
        self._ledger = ledger
        self._web = web
        self._send = send

    def receive(self, address: str, mail: ReceivedMail) -> None:
        """Decide at once what the person will do about the mail, and put it on the agenda."""
        nth = self._received[address]
        self._received[address] += 1
        words = words_of(self._seed, "mail", address, nth)
        browser = words.choice(BROWSERS)
        images = [url for url in mail.image_urls() if self._web.reaches(url)]
        links = [url for url in mail.link_urls() if self._web.reaches(url)]
        for deed in self._behaviour.on_mail(address, nth):
            act: Act | None = None
            if deed.name == "opened" and images:
                act = partial(self._open, address, mail.message_id, images, browser)
            elif deed.name == "clicked" and links:
                act = partial(self._click, address, mail.message_id, words.choice(links), browser)
            elif deed.name == "auto_replied":
                act = partial(self._answer_automatically, address, mail, words)
            elif deed.name == "unsubscribed":
                act = partial(self._unsubscribe, address, mail, browser, words)
            elif deed.name in ("bounced_hard", "bounced_soft"):
                act = partial(self._bounce, address, mail, deed.name, words)
            elif deed.name in MOODS:
                act = partial(self._reply, address, mail, MOODS[deed.name], words)
            if act is not None:
                self._agenda.after(deed.delay_us, act)

    async def _open(self, address: str, key: str, images: list[str], browser: str) -> None:
        answers = [await self._visit("GET", url, browser) for url in images]
        bad = [answer for answer in answers if isinstance(answer, str) or not answer.is_good]
        self._note("opened", address, key, (bad or answers)[0])

    async def _click(self, address: str, key: str, url: str, browser: str) -> None:
        self._note("clicked", address, key, await self._visit("GET", url, browser))

    async def _unsubscribe(
        self, address: str, mail: ReceivedMail, browser: str, draw: Draw
    ) -> None:
        urls = mail.unsubscribe_urls
        web = next((url for url in urls if self._web.reaches(url)), None)
        mailto = next((url for url in urls if url.lower().startswith("mailto:")), None)
        if web is not None and mail.unsubscribes_in_one_click:
            # RFC 8058, 3.2: a POST with this body and without cookies or context.
            answer = await self._visit("POST", web, browser, form=b"List-Unsubscribe=One-Click")
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

    async def _bounce(self, address: str, mail: ReceivedMail, action: str, draw: Draw) -> None:
        hard = action == "bounced_hard"
        report = compose_bounce(address, mail, hard=hard, now=self._clock.now(), draw=draw)
        if report is not None:
            self._send(report, action, person=address, key=mail.message_id)

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
