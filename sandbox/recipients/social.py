"""What people do about invitations and messages on the social network."""

from collections import Counter
from functools import partial

from sandbox.agenda import Agenda
from sandbox.behaviour import Behaviour, words_of
from sandbox.social_provider import SocialMessage, SocialProvider
from sandbox.social_webhooks import SocialWebhooks

ANSWERS = (
    "Thanks for connecting! What exactly do you do?",
    "Happy to hear more, send me a short summary please.",
    "Not looking at this right now, maybe next quarter.",
    "Merci pour votre message, je préfère échanger par téléphone.",
)


class ProfileOwners:
    """The people behind profiles."""

    def __init__(
        self,
        seed: int,
        behaviour: Behaviour,
        agenda: Agenda,
        provider: SocialProvider,
        webhooks: SocialWebhooks,
    ) -> None:
        self._seed = seed
        self._behaviour = behaviour
        self._agenda = agenda
        self._provider = provider
        self._webhooks = webhooks
        self._received: Counter[str] = Counter()

    def receive(self, message: SocialMessage) -> None:
        """Decide at once what the person will do, and put it on the agenda."""
        nth = self._received[message.public_id]
        self._received[message.public_id] += 1
        words = words_of(self._seed, "social", message.public_id, nth)
        invites = message.kind == "invitation"
        for deed in self._behaviour.on_social(message.public_id, nth, invites=invites):
            if deed.name == "invitation_accepted":
                self._agenda.after(deed.delay_us, partial(self._accept, message))
            elif deed.name == "social_replied":
                answer = partial(self._webhooks.report_answer, message, words.choice(ANSWERS))
                self._agenda.after(deed.delay_us, answer)
            elif self._webhooks.echoes:
                self._agenda.after(deed.delay_us, partial(self._webhooks.report_echo, message))

    async def _accept(self, message: SocialMessage) -> None:
        self._provider.connect(message)
        await self._webhooks.report_relation(message)
