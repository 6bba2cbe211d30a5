"""What a person does about a message, and how much later. Pure: the same seed, the same person and
the same number of messages before it give the same deeds, whoever asks and in whatever order.

The recipients of a running sandbox act by this, and whoever wants to know beforehand what they will
do may ask it too.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from sandbox.draw import Draw
from sandbox.personas import Persona, Personas
from sandbox.settings import PersonaName

DeedName = Literal[
    "opened",
    "clicked",
    "replied_positive",
    "replied_negative",
    "replied_stop",
    "auto_replied",
    "unsubscribed",
    "bounced_hard",
    "bounced_soft",
    "sms_sent",
    "sms_delivered",
    "sms_undelivered",
    "sms_replied",
    "texted_stop",
    "invitation_accepted",
    "social_replied",
    "social_echoed",
]

WEIGHTS: Final[Mapping[str, float]] = {
    "no_answer": 45,
    "left_voicemail": 25,
    "connected": 22,
    "meeting_booked": 8,
    "approved": 45,
}
"""How calls and approvals go, unless the response model says otherwise."""

OTHER_WEIGHT = 4.0
UNDELIVERED = (30003, 30005, 30006)
"""Unreachable handset, unknown handset, landline: https://www.twilio.com/docs/api/errors."""

SECOND_US = 1_000_000
NOTICED_WITHIN_US = 8 * 3_600 * SECOND_US
"""The provider polls for new relations at random intervals and may notice one 8 hours later."""

_MOODS: Final[Mapping[PersonaName, DeedName]] = {
    "replies_positive": "replied_positive",
    "replies_negative": "replied_negative",
    "asks_to_stop": "replied_stop",
}


class Deed(NamedTuple):
    """One thing that will be done about a message, counted from when it came.

    code: of `sms_undelivered`, the provider's error code.
    """

    delay_us: int
    name: DeedName
    code: int = 0


class Behaviour:
    """What everybody does, for one seed."""

    def __init__(self, seed: int, personas: Personas) -> None:
        self._seed = seed
        self._personas = personas

    def refuses_mail(self, address: str, *, tried: bool) -> Literal["hard", "soft"] | None:
        """How the server refuses a recipient in the session; tried: it put this sender off once."""
        name = self._personas.by_mail(address).name
        if name == "hard_bounce":
            return "hard"
        return "soft" if name == "soft_bounce" and not tried else None

    def has_profile(self, public_id: str) -> bool:
        """Return whether the social network knows this profile."""
        return self._personas.by_profile(public_id).name != "profile_missing"

    def on_mail(self, address: str, nth: int) -> list[Deed]:
        """What follows the `nth` mail (from 0) that this address was given.

        Clicks need a link to follow and opens an image to load: whoever knows the mail leaves
        out what it has no place for.
        """
        persona = self._personas.by_mail(address)
        draw = Draw(self._seed, "mail", address, nth)
        name: PersonaName = persona.name if draw.happens(persona.reaction) else "ordinary"
        if name in ("hard_bounce_dsn", "soft_bounce_dsn"):
            # A hard bounce is soon known; a soft one after hours of retries.
            hard = name == "hard_bounce_dsn"
            minutes = 2.0 if hard else 150.0
            delay_us = draw.delay_us(median_minutes=minutes, spread=1.0, most_minutes=2_880)
            return [Deed(delay_us, "bounced_hard" if hard else "bounced_soft")]
        deeds = []
        if name == "out_of_office":
            deeds.append(Deed(SECOND_US + int(draw.uniform() * 60 * SECOND_US), "auto_replied"))
        elif name == "unsubscribes":
            delay_us = draw.delay_us(median_minutes=90, spread=1.2, most_minutes=2_880)
            deeds.append(Deed(delay_us, "unsubscribed"))
        elif name in _MOODS:
            delay_us = draw.delay_us(median_minutes=240, spread=1.0, most_minutes=4_320)
            deeds.append(Deed(delay_us, _MOODS[name]))
        return deeds + _reading(persona, draw)

    def on_text(self, number: str, nth: int) -> list[Deed]:
        """What follows the `nth` text (from 0) to this number.

        First what the carrier does: sends it on, then tells its fate; then what they do themselves.
        """
        persona = self._personas.by_phone(number)
        draw = Draw(self._seed, "sms", number, nth)
        sent_us = int((1 + 2 * draw.uniform()) * SECOND_US)
        told_us = sent_us + int((1 + 15 * draw.uniform()) * SECOND_US)
        deeds = [Deed(sent_us, "sms_sent")]
        if persona.name == "sms_undelivered":
            return [*deeds, Deed(told_us, "sms_undelivered", draw.choice(UNDELIVERED))]
        deeds.append(Deed(told_us, "sms_delivered"))
        if persona.name in ("texts_stop", "replies_sms") and draw.happens(persona.reaction):
            delay_us = draw.delay_us(median_minutes=15, spread=1.3, most_minutes=1_440)
            stops = persona.name == "texts_stop"
            deeds.append(Deed(delay_us, "texted_stop" if stops else "sms_replied"))
        return deeds

    def on_social(self, public_id: str, nth: int, *, invites: bool) -> list[Deed]:
        """What follows the `nth` invitation or message (from 0) to this profile.

        invites: it is an invitation; else a message.
        """
        persona = self._personas.by_profile(public_id)
        draw = Draw(self._seed, "social", public_id, nth)
        if invites:
            if persona.name not in ("accepts_invitation", "answers_social"):
                return []
            delay_us = draw.delay_us(median_minutes=300, spread=1.4, most_minutes=7_200)
            return [Deed(delay_us + int(draw.uniform() * NOTICED_WITHIN_US), "invitation_accepted")]
        deeds = [Deed(int((1 + 4 * draw.uniform()) * SECOND_US), "social_echoed")]
        if persona.name == "answers_social":
            delay_us = draw.delay_us(median_minutes=240, spread=1.2, most_minutes=4_320)
            deeds.append(Deed(delay_us, "social_replied"))
        return deeds


def disposition(
    seed: int,
    *,
    person: str,
    kind: str,
    due_at: str,
    options: Sequence[str],
    weights: Mapping[str, Mapping[str, float]],
) -> str:
    """How a rep's task ends: the same for one person, kind and due time (ISO 8601), always.

    weights: kind → disposition → weight; a kind that is missing goes by `WEIGHTS`. Where none of
    the options has a weight, each is as likely as the next.
    """
    of_kind = weights.get(kind)
    if of_kind is None:
        shares = [WEIGHTS.get(option, OTHER_WEIGHT) for option in options]
    else:
        shares = [of_kind.get(option, 0.0) for option in options]
    if not any(shares):
        shares = [1.0] * len(options)
    return Draw(seed, "task", person, kind, due_at).weighted(options, shares)


def words_of(seed: int, channel: str, address: str, nth: int) -> Draw:
    """The draws for how something is said and shown, apart from those for what is done."""
    return Draw(seed, "words", channel, address, nth)


def _reading(persona: Persona, draw: Draw) -> list[Deed]:
    if not draw.happens(persona.opens):
        return []
    delay_us = draw.delay_us(median_minutes=40, spread=1.4, most_minutes=4_320)
    deeds = []
    if draw.happens(persona.clicks):
        deeds.append(Deed(delay_us + int((5 + 90 * draw.uniform()) * SECOND_US), "clicked"))
    times = draw.weighted((1, 2, 3, 4), (60, 25, 10, 5))
    for _ in range(times):
        deeds.append(Deed(delay_us, "opened"))
        delay_us += draw.delay_us(median_minutes=300, spread=1.2, most_minutes=7_200)
    return deeds
