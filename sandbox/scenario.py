"""What an outside system (a shop, an insurer, a CRM) tells of its subjects, from one YAML file.

    subject: order
    fields: {amount: ["EUR 84.00", "EUR 129.50"]}
    parties:
      carrier: {names: [Sprint Parcel], domain: parcel.example, answers: carrier_answered}
    start: cart_started
    tells:
      - {signal: order_placed, chance: 0.6, hours: [2, 20]}
      - {signal: payment_made, after: order_placed, chance: 0.8, days: [1, 4]}

Which of it happens to a subject, and when, follows from the seed and the subject alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sandbox.draw import Draw

MOST_BYTES: Final = 64 * 1024
START: Final = "start"

_HOUR_US = 3_600_000_000

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Words = Annotated[list[str], Field(min_length=1)]
Span = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]


class WrongScenario(ValueError):
    """The file is no scenario; the text says where and what to write."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Telling(_Part):
    """One signal that may be told.

    after: what it follows, an earlier signal of the list. chance: that it is told once that was.
    unless: a signal of the list with which it is not told. hours, days: how much later, from and
    to. fields: of the subject; one of each list is told.
    """

    signal: Name
    after: str = START
    chance: Annotated[float, Field(ge=0, le=1)] = 1.0
    unless: str | None = None
    hours: Span = (0.0, 0.0)
    days: Span = (0.0, 0.0)
    fields: dict[str, Words] = {}


class Party(_Part):
    """Another party of the subject, with a mailbox.

    domain: of its address. answers: it answers every mail where this signal is told, else none.
    """

    names: Words
    domain: str
    answers: Name
    locales: Words = ["en"]


class Scenario(_Part):
    """What a system tells of its subjects.

    subject: what they are, and how their ids begin; None: it tells of persons. fields, prospect:
    what is known of the subject and of the person; one of each list. start: the signal with which
    it tells of a subject that is new; None: somebody else enrolls them.
    """

    subject: Name | None = None
    fields: dict[str, Words] = {}
    prospect: dict[str, Words] = {}
    parties: dict[str, Party] = {}
    start: Name | None = None
    tells: list[Telling] = []

    @model_validator(mode="after")
    def _follows(self) -> "Scenario":
        known = {START}
        for telling in self.tells:
            for named in (telling.after, telling.unless):
                if named is not None and named not in known:
                    raise ValueError(f"`{telling.signal}` comes after or without `{named}`, which "
                                     "no line above it tells")  # fmt: skip
            if telling.hours[0] > telling.hours[1] or telling.days[0] > telling.days[1]:
                raise ValueError(f"`{telling.signal}`: write the shorter time first")
            known.add(telling.signal)
        for name, party in self.parties.items():
            if party.answers not in known:
                raise ValueError(f"`{name}` answers with `{party.answers}`, which no line tells")
        if self.subject is None and (self.start or self.fields or self.parties):
            raise ValueError(
                "`start`, `fields` and `parties` are of a subject: add `subject: order`"
            )
        return self


@dataclass(frozen=True, kw_only=True)
class Told:
    """A signal that is told, so long after the beginning."""

    signal: str
    delay_us: int
    fields: Mapping[str, str]


def read_scenario(path: Path) -> Scenario:
    """Read and check a scenario file. Raises WrongScenario."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise WrongScenario(f"{path}: larger than {MOST_BYTES} bytes: this is no scenario")
        return Scenario.model_validate(YAML(typ="safe", pure=True).load(raw.decode("utf-8")))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise WrongScenario(f"{path}: cannot be read as YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise WrongScenario(f"{path}: {where + ': ' if where else ''}{first['msg']}") from error


def story(scenario: Scenario, seed: int, who: str) -> Sequence[Told]:
    """What is told of `who` (a subject's id, else a person), in the order of the file."""
    at_us = {START: 0}
    told = []
    for number, telling in enumerate(scenario.tells):
        draw = Draw(seed, "story", who, number, telling.signal)
        if telling.after not in at_us or telling.unless in at_us:
            continue
        if not draw.happens(telling.chance):
            continue
        share = draw.uniform()
        hours = _between(telling.hours, share) + 24 * _between(telling.days, share)
        delay_us = at_us[telling.after] + int(hours * _HOUR_US)
        at_us.setdefault(telling.signal, delay_us)
        fields = {name: draw.choice(words) for name, words in telling.fields.items()}
        told.append(Told(signal=telling.signal, delay_us=delay_us, fields=fields))
    return told


def known_of(scenario: Scenario, seed: int, who: str) -> Mapping[str, Any]:
    """The fields and parties of a subject, as they are told or enrolled with it."""
    draw = Draw(seed, "subject", who)
    fields: dict[str, Any] = {name: draw.choice(words) for name, words in scenario.fields.items()}
    if scenario.parties:
        fields["parties"] = {
            name: {
                "name": draw.choice(party.names),
                "email": mailbox(party, who),
                "locale": draw.choice(party.locales),
            }
            for name, party in scenario.parties.items()
        }
    return fields


def person_of(scenario: Scenario, seed: int, who: str) -> Mapping[str, str]:
    """What is known of the person besides."""
    draw = Draw(seed, "person", who)
    return {name: draw.choice(words) for name, words in scenario.prospect.items()}


def mailbox(party: Party, who: str) -> str:
    """The address of the party of one subject."""
    return f"{who}@{party.domain}"


def _between(span: Span, share: float) -> float:
    return span[0] + (span[1] - span[0]) * share
