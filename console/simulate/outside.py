"""The pretend outside world: what providers answer and what people do, without any server.

It keeps what the sandbox's servers keep (who was invited, who texted STOP,
who was greylisted) and asks `sandbox.behaviour` for everything else.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from cadenza.model import EventType
from console.simulate.journey import Journey
from sandbox.behaviour import Behaviour, Deed, DeedName
from sandbox.personas import Personas
from sandbox.response import ResponseModel

GREYLISTED: Final = timedelta(minutes=10)
"""After a 451 4.7.1 the SMTP sender tries again so much later."""

_HARD_CODES: Final = frozenset({30005, 30006})
"""Of the error codes of texts, those that say that the number will never work."""

_EVENTS: Final[dict[DeedName, tuple[EventType, ...]]] = {
    "opened": (EventType.OPENED,),
    "clicked": (EventType.CLICKED,),
    "replied_positive": (EventType.REPLIED,),
    "replied_negative": (EventType.REPLIED,),
    "replied_stop": (EventType.UNSUBSCRIBED, EventType.REPLIED),
    "auto_replied": (EventType.AUTO_REPLIED,),
    "unsubscribed": (EventType.UNSUBSCRIBED,),
    "bounced_hard": (EventType.BOUNCED,),
    "bounced_soft": (EventType.SOFT_BOUNCED,),
    "sms_delivered": (EventType.DELIVERED,),
    "sms_replied": (EventType.REPLIED,),
    "texted_stop": (EventType.UNSUBSCRIBED,),
    "invitation_accepted": (EventType.CONNECTION_ACCEPTED,),
    "social_replied": (EventType.REPLIED,),
}


class Sent(NamedTuple):
    """A touch as the world knows it."""

    journey: Journey
    step: str
    visit: int
    channel: str
    recipient: str
    account: str
    account_id: str
    at: datetime

    @property
    def touch(self) -> tuple[int, str, int]:
        """Its name, unique for ever."""
        return self.journey.number, self.step, self.visit


class Answer(NamedTuple):
    """What a provider said. status: `sent`, `failed`, or `later`. bounced: the address is none."""

    status: str
    code: str = ""
    bounced: bool = False
    retry_after: timedelta | None = None


_SENT: Final = Answer("sent")


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What matters of a mail to those who read it."""

    has_links: bool
    has_pixel: bool
    can_unsubscribe: bool


def events_of(deed: Deed) -> tuple[EventType, ...]:
    """What comes back to Cadenza of a deed, in order."""
    if deed.name == "sms_undelivered":
        return (EventType.BOUNCED if deed.code in _HARD_CODES else EventType.SOFT_BOUNCED,)
    return _EVENTS.get(deed.name, ())


class Outside:
    """Everybody outside."""

    def __init__(self, seed: int, response: ResponseModel) -> None:
        self.seed = seed
        self._behaviour = Behaviour(seed, Personas(seed, response.rates, {}))
        self._received: Counter[tuple[str, str]] = Counter()
        self._greylisted: set[tuple[str, str]] = set()
        self._opted_out: set[tuple[str, str]] = set()
        self._invited: set[tuple[str, str]] = set()
        self._related: set[tuple[str, str]] = set()
        self.latest: dict[tuple[str, str], Sent] = {}
        self._chats: dict[tuple[str, str], Sent] = {}

    def take_mail(self, sent: Sent, touch: str, mail: Mail) -> tuple[Answer, list[Deed]]:
        """The relay's answer to a mail, and what its reader will do. touch: its name for ever."""
        tried = (touch, sent.recipient) in self._greylisted
        refusal = self._behaviour.refuses_mail(sent.recipient, tried=tried)
        if refusal == "hard":
            return Answer("failed", "550 5.1.1", bounced=True), []
        if refusal == "soft":
            self._greylisted.add((touch, sent.recipient))
            return Answer("later", "451 4.7.1", retry_after=GREYLISTED), []
        deeds = self._behaviour.on_mail(sent.recipient, self._nth("mail", sent.recipient))
        return _SENT, [deed for deed in deeds if _is_possible(deed.name, mail)]

    def take_text(self, sent: Sent) -> tuple[Answer, list[Deed]]:
        """The same for a text message."""
        if (sent.recipient, sent.account) in self._opted_out:
            return Answer("failed", "21610"), []
        return _SENT, self._behaviour.on_text(sent.recipient, self._nth("sms", sent.recipient))

    def take_social(self, sent: Sent, action: str) -> tuple[Answer, list[Deed]]:
        """The same for an action on a social network."""
        who = (sent.account, sent.recipient)
        if not self._behaviour.has_profile(sent.recipient):
            return Answer("failed", "resource_not_found", bounced=True), []
        if action in ("follow", "view"):
            return _SENT, []
        if action == "connect":
            if who in self._related:
                return Answer("failed", "already_connected"), []
            if who in self._invited:
                return Answer("failed", "already_invited_recently"), []
            self._invited.add(who)
        elif action == "message" and who not in self._related:
            return Answer("failed", "no_connection_with_recipient"), []
        nth = self._nth("social", sent.recipient)
        invites = action == "connect"
        return _SENT, self._behaviour.on_social(sent.recipient, nth, invites=invites)

    def note(self, sent: Sent, status: str, action: str) -> None:
        """Remember a touch that is in the ledger: what people say later may be about it."""
        self.latest[sent.channel, sent.recipient] = sent
        if status == "sent" and action in ("message", "inmail"):
            self._chats[sent.account, sent.recipient] = sent

    def about(self, deed: Deed, sent: Sent) -> Sent:
        """The touch that Cadenza takes a deed to be about."""
        if deed.name in ("sms_replied", "texted_stop", "invitation_accepted"):
            return self.latest[sent.channel, sent.recipient]
        if deed.name == "social_replied":
            return self._chats.get((sent.account, sent.recipient), sent)
        return sent

    def done(self, deed: Deed, sent: Sent) -> None:
        """What a deed changes at the providers."""
        if deed.name == "texted_stop":
            self._opted_out.add((sent.recipient, sent.account))
        elif deed.name == "invitation_accepted":
            self._related.add((sent.account, sent.recipient))
            self._invited.discard((sent.account, sent.recipient))

    def _nth(self, channel: str, address: str) -> int:
        nth = self._received[channel, address]
        self._received[channel, address] = nth + 1
        return nth


def _is_possible(name: DeedName, mail: Mail) -> bool:
    if name == "opened":
        return mail.has_pixel
    if name == "clicked":
        return mail.has_links
    return mail.can_unsubscribe if name == "unsubscribed" else True
