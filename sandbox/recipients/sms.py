"""What carriers and people do about text messages."""

from functools import partial

from sandbox.agenda import Agenda
from sandbox.clock import ScheduleClock
from sandbox.draw import Draw
from sandbox.personas import Personas
from sandbox.sms_message import TextMessage
from sandbox.sms_provider import SmsProvider

STOPS = ("STOP", "Stop", "stop ", "STOP")
ANSWERS = (
    "Who is this?",
    "Yes, call me tomorrow please",
    "Can you send me the details by email?",
    "Not interested, thanks",
    "Oui, rappelez-moi demain matin",
)
UNDELIVERED = (30003, 30005, 30006)
"""Unreachable handset, unknown handset, landline: https://www.twilio.com/docs/api/errors."""

SECOND_US = 1_000_000


class TextReaders:
    """The people behind phone numbers, and the carriers on the way to them."""

    def __init__(
        self,
        seed: int,
        personas: Personas,
        clock: ScheduleClock,
        agenda: Agenda,
        provider: SmsProvider,
    ) -> None:
        self._seed = seed
        self._personas = personas
        self._clock = clock
        self._agenda = agenda
        self._provider = provider

    def receive(self, message: TextMessage) -> None:
        """Decide at once what becomes of the message, and put it on the agenda."""
        persona = self._personas.by_phone(message.to)
        draw = Draw(self._seed, "sms", message.to, message.digest)
        sent_us = self._clock.now_us() + int((1 + 2 * draw.uniform()) * SECOND_US)
        told_us = sent_us + int((1 + 15 * draw.uniform()) * SECOND_US)
        lost = persona.name == "sms_undelivered"
        error_code = draw.choice(UNDELIVERED) if lost else None
        self._agenda.at(sent_us, partial(self._carry, message, told_us, error_code))
        if lost or not draw.happens(persona.reaction):
            return
        if persona.name == "texts_stop":
            self._text_back(message, draw, draw.choice(STOPS), "texted_stop")
        elif persona.name == "replies_sms":
            self._text_back(message, draw, draw.choice(ANSWERS), "sms_replied")

    def _text_back(self, message: TextMessage, draw: Draw, body: str, action: str) -> None:
        delay_us = draw.delay_us(median_minutes=15, spread=1.3, most_minutes=1_440)
        self._agenda.after(
            delay_us, partial(self._provider.text_back, message, body, action=action)
        )

    async def _carry(self, message: TextMessage, told_us: int, error_code: int | None) -> None:
        await self._provider.report(message, "sent", None)
        status = "delivered" if error_code is None else "undelivered"
        self._agenda.at(told_us, partial(self._provider.report, message, status, error_code))
