"""What carriers and people do about text messages."""

from collections import Counter
from functools import partial

from sandbox.agenda import Agenda
from sandbox.behaviour import Behaviour, Deed, words_of
from sandbox.clock import ScheduleClock
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


class TextReaders:
    """The people behind phone numbers, and the carriers on the way to them."""

    def __init__(
        self,
        seed: int,
        behaviour: Behaviour,
        clock: ScheduleClock,
        agenda: Agenda,
        provider: SmsProvider,
    ) -> None:
        self._seed = seed
        self._behaviour = behaviour
        self._clock = clock
        self._agenda = agenda
        self._provider = provider
        self._received: Counter[str] = Counter()

    def receive(self, message: TextMessage) -> None:
        """Decide at once what becomes of the message, and put it on the agenda."""
        nth = self._received[message.to]
        self._received[message.to] += 1
        words = words_of(self._seed, "sms", message.to, nth)
        now_us = self._clock.now_us()
        sent, told, *theirs = self._behaviour.on_text(message.to, nth)
        carry = partial(self._carry, message, now_us + told.delay_us, told)
        self._agenda.after(sent.delay_us, carry)
        for deed in theirs:
            said = STOPS if deed.name == "texted_stop" else ANSWERS
            text_back = partial(
                self._provider.text_back, message, words.choice(said), action=deed.name
            )
            self._agenda.after(deed.delay_us, text_back)

    async def _carry(self, message: TextMessage, told_us: int, told: Deed) -> None:
        await self._provider.report(message, "sent", None)
        if told_us > self._clock.now_us():
            self._agenda.at(told_us, partial(self._tell, message, told))
        else:
            await self._tell(message, told)

    async def _tell(self, message: TextMessage, told: Deed) -> None:
        await self._provider.report(message, told.name.removeprefix("sms_"), told.code or None)
