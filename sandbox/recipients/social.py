"""What people do about invitations and messages on the social network."""

from functools import partial

from sandbox.agenda import Agenda
from sandbox.draw import Draw
from sandbox.personas import Personas
from sandbox.social_provider import SocialMessage, SocialProvider
from sandbox.social_webhooks import SocialWebhooks

ANSWERS = (
    "Thanks for connecting! What exactly do you do?",
    "Happy to hear more, send me a short summary please.",
    "Not looking at this right now, maybe next quarter.",
    "Merci pour votre message, je préfère échanger par téléphone.",
)
SECOND_US = 1_000_000
NOTICED_WITHIN_US = 8 * 3_600 * SECOND_US
"""The provider polls for new relations at random intervals and may notice one 8 hours later."""


class ProfileOwners:
    """The people behind profiles."""

    def __init__(
        self,
        seed: int,
        personas: Personas,
        agenda: Agenda,
        provider: SocialProvider,
        webhooks: SocialWebhooks,
    ) -> None:
        self._seed = seed
        self._personas = personas
        self._agenda = agenda
        self._provider = provider
        self._webhooks = webhooks

    def receive(self, message: SocialMessage) -> None:
        """Decide at once what the person will do, and put it on the agenda."""
        persona = self._personas.by_profile(message.public_id)
        draw = Draw(self._seed, "social", message.public_id, message.digest)
        if message.kind == "invitation":
            if persona.name in ("accepts_invitation", "answers_social"):
                delay_us = draw.delay_us(median_minutes=300, spread=1.4, most_minutes=7_200)
                delay_us += int(draw.uniform() * NOTICED_WITHIN_US)
                self._agenda.after(delay_us, partial(self._accept, message))
            return
        if self._webhooks.echoes:
            delay_us = int((1 + 4 * draw.uniform()) * SECOND_US)
            self._agenda.after(delay_us, partial(self._webhooks.report_echo, message))
        if persona.name == "answers_social":
            delay_us = draw.delay_us(median_minutes=240, spread=1.2, most_minutes=4_320)
            answer = partial(self._webhooks.report_answer, message, draw.choice(ANSWERS))
            self._agenda.after(delay_us, answer)

    async def _accept(self, message: SocialMessage) -> None:
        self._provider.connect(message)
        await self._webhooks.report_relation(message)
