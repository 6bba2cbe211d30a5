"""Who people are: a disposition for each address, phone number and profile, from the seed alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.draw import Draw
from sandbox.settings import Override, PersonaName, Rates

NEVER_OPENING = 0.2
"""Share of people whose mail program loads no images."""

REACHES_SMS = 0.8
"""Of the texts to a person who answers texts, the share they answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """How one person takes messages on one channel.

    `reaction` is the share of messages that bring out what `name` says; the others are treated as
    an ordinary person treats them.
    """

    name: PersonaName
    opens: float = 0.0
    clicks: float = 0.0
    """Of the mails opened."""
    reaction: float = 0.0


class Personas:
    """Draws each person once and remembers them. Overrides come first."""

    def __init__(self, seed: int, rates: Rates, overrides: Mapping[str, Override]) -> None:
        self._seed = seed
        self._rates = rates
        self._overrides = overrides
        self._known: dict[tuple[str, str], Persona] = {}

    def by_mail(self, address: str) -> Persona:
        """Return who reads mail at this address."""
        return self._find("mail", address.lower())

    def by_phone(self, number: str) -> Persona:
        """Return who carries this phone number."""
        return self._find("phone", number)

    def by_profile(self, public_id: str) -> Persona:
        """Return who this public profile belongs to."""
        return self._find("profile", public_id.lower())

    def _find(self, channel: str, identity: str) -> Persona:
        known = self._known.get((channel, identity))
        if known is None:
            known = self._chosen(identity) or self._drawn(channel, identity)
            self._known[(channel, identity)] = known
        return known

    def _chosen(self, identity: str) -> Persona | None:
        override = self._overrides.get(identity)
        if override is None:
            return None
        opens = override.persona in ("opens", "clicks")
        return Persona(
            name=override.persona,
            opens=float(opens),
            clicks=float(override.persona == "clicks"),
            reaction=1.0,
        )

    def _drawn(self, channel: str, identity: str) -> Persona:
        draw = Draw(self._seed, "persona", channel, identity)
        rates = self._rates
        if channel == "phone":
            name = _pick(draw, _phone_shares(rates))
            answers = name in ("replies_sms", "texts_stop")
            return Persona(name=name, reaction=REACHES_SMS if answers else 1.0)
        if channel == "profile":
            return Persona(name=_pick(draw, _profile_shares(rates)), reaction=1.0)
        name = _pick(draw, _mail_shares(rates))
        if name in ("hard_bounce", "hard_bounce_dsn"):
            return Persona(name=name, reaction=1.0)
        return Persona(
            name=name,
            opens=_propensity(draw, rates.opened),
            clicks=min(rates.clicked / rates.opened, 1.0) if rates.opened else 0.0,
            reaction=1.0 if name == "soft_bounce" else rates.reaction,
        )


def _propensity(draw: Draw, mean: float) -> float:
    """Return the share of mails this person opens: some none, the others spread around a mean.

    Over many people the mean is `mean`.
    """
    never = min(NEVER_OPENING, 1 - mean)
    if draw.happens(never) or mean == 0:
        return 0.0
    centre = mean / (1 - never)
    spread = 0.7 * min(centre, 1 - centre)
    return centre + spread * (2 * draw.uniform() - 1)


def _pick(draw: Draw, shares: Mapping[PersonaName, float]) -> PersonaName:
    mark = draw.uniform()
    for name, share in shares.items():
        mark -= share
        if mark < 0:
            return name
    return "ordinary"


def _mail_shares(rates: Rates) -> dict[PersonaName, float]:
    at_once = rates.bounce_at_once
    positive = rates.reply * rates.reply_positive
    stop = rates.reply * min(rates.reply_stop, 1 - rates.reply_positive)
    return {
        "hard_bounce": rates.hard_bounce * at_once,
        "hard_bounce_dsn": rates.hard_bounce * (1 - at_once),
        "soft_bounce": rates.soft_bounce * at_once,
        "soft_bounce_dsn": rates.soft_bounce * (1 - at_once),
        "out_of_office": rates.out_of_office,
        "unsubscribes": rates.unsubscribe,
        "replies_positive": positive,
        "asks_to_stop": stop,
        "replies_negative": rates.reply - positive - stop,
    }


def _phone_shares(rates: Rates) -> dict[PersonaName, float]:
    return {
        "sms_undelivered": rates.sms_undelivered,
        "texts_stop": rates.sms_stop,
        "replies_sms": rates.sms_reply,
    }


def _profile_shares(rates: Rates) -> dict[PersonaName, float]:
    return {
        "profile_missing": rates.profile_missing,
        "answers_social": rates.answer_social,
        "accepts_invitation": max(rates.accept_invitation - rates.answer_social, 0.0),
    }
