"""The response model: how often people react, and how calls go, from one small YAML file.

    email: {opened: 0.45, clicked: 0.08, replies: 0.045, positive: 0.35}
    sms: {replies: 0.01}
    social: {accepts: 0.35}
    tasks:
      call: {no_answer: 45, left_voicemail: 25, connected: 22, meeting_booked: 8}
    reps: {look_every_minutes: 60}

What is left out is as without a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from sandbox.settings import Rates

MOST_BYTES = 64 * 1024
POLL_MINUTES = 60.0
MOST_POLL_MINUTES = 1440

RATE_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "email": {
        "opened": "opened",
        "clicked": "clicked",
        "replies": "reply",
        "positive": "reply_positive",
        "stop": "reply_stop",
        "out_of_office": "out_of_office",
        "hard_bounce": "hard_bounce",
        "soft_bounce": "soft_bounce",
        "bounce_at_once": "bounce_at_once",
        "unsubscribes": "unsubscribe",
        "reaction": "reaction",
    },
    "sms": {"replies": "sms_reply", "stop": "sms_stop", "undelivered": "sms_undelivered"},
    "social": {
        "accepts": "accept_invitation",
        "answers": "answer_social",
        "missing": "profile_missing",
    },
}
"""Section and word of the file to the field of `Rates`."""

_TOGETHER: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("replies", "out_of_office", "hard_bounce", "soft_bounce", "unsubscribes"),
    "sms": ("replies", "stop", "undelivered"),
    "social": ("accepts", "missing"),
}
"""Shares of people of which everybody has one at most."""


class WrongResponse(ValueError):
    """The file is no response model; the text says where and what to write."""


@dataclass(frozen=True, kw_only=True)
class ResponseModel:
    """Who reacts how often. dispositions: kind of task → disposition → weight.

    poll_minutes: how often reps look at their tasks.
    """

    rates: Rates = field(default_factory=Rates)
    dispositions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    poll_minutes: float = POLL_MINUTES


def read_response(path: Path | None) -> ResponseModel:
    """Read and check a response file; None gives the model of the demo. Raises WrongResponse."""
    if path is None:
        return ResponseModel()
    document = _parsed(path)
    sections = {*RATE_NAMES, "tasks", "reps"}
    _refuse_unknown(path, "", document, sections)
    rates: dict[str, Any] = {}
    for section, names in RATE_NAMES.items():
        said = _mapping(path, section, document.get(section))
        _refuse_unknown(path, section, said, set(names))
        rates |= {names[word]: value for word, value in said.items()}
    return ResponseModel(
        rates=_rates(path, rates),
        dispositions=_tasks(path, document),
        poll_minutes=_poll_minutes(path, document),
    )


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        raise WrongResponse(f"{path}: cannot read the response file: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongResponse(f"{path}: not text in UTF-8: save it as UTF-8") from error
    if len(raw) > MOST_BYTES:
        raise WrongResponse(f"{path}: larger than {MOST_BYTES} bytes: this is no response file")
    try:
        document = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise WrongResponse(f"{where}: not valid YAML: {error.problem}") from error
    except YAMLError as error:
        raise WrongResponse(f"{path}: not valid YAML: {error}") from error
    return _mapping(path, "", document)


def _mapping(path: Path, section: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        what = f"{section}: " if section else ""
        raise WrongResponse(f"{path}: {what}write names with values, e.g. `email: {{opened: 0.4}}`")
    return value


def _refuse_unknown(path: Path, section: str, said: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(said.keys() - known)
    if unknown:
        where = f"{section}." if section else ""
        raise WrongResponse(
            f"{path}: {where}{unknown[0]} is not known here: "
            f"remove it, or write one of: {', '.join(sorted(known))}"
        )


def _rates(path: Path, said: Mapping[str, Any]) -> Rates:
    try:
        rates = Rates.model_validate(said, strict=True)
    except ValidationError as error:
        raise WrongResponse(_told(path, str(error.errors()[0]["loc"][0]))) from error
    for section, words in _TOGETHER.items():
        shares = [getattr(rates, RATE_NAMES[section][word]) for word in words]
        if sum(shares) > 1:
            raise WrongResponse(
                f"{path}: {section}: {', '.join(words)} are shares of the same people "
                f"and come to {sum(shares):g}: make them 1 at most together"
            )
    return rates


def _poll_minutes(path: Path, document: Mapping[str, Any]) -> float:
    said = _mapping(path, "reps", document.get("reps"))
    _refuse_unknown(path, "reps", said, {"look_every_minutes"})
    minutes = said.get("look_every_minutes", POLL_MINUTES)
    is_number = isinstance(minutes, int | float) and not isinstance(minutes, bool)
    if not is_number or not 1 <= minutes <= MOST_POLL_MINUTES:
        raise WrongResponse(
            f"{path}: reps.look_every_minutes: write minutes, from 1 to {MOST_POLL_MINUTES}"
        )
    return float(minutes)


def _told(path: Path, name: str) -> str:
    for section, words in RATE_NAMES.items():
        for word, rate in words.items():
            if rate == name:
                return f"{path}: {section}.{word}: write a share from 0 to 1, for instance 0.25"
    return f"{path}: {name}: not right"


def _tasks(path: Path, document: Mapping[str, Any]) -> Mapping[str, Mapping[str, float]]:
    tasks: dict[str, Mapping[str, float]] = {}
    for kind, weights in _mapping(path, "tasks", document.get("tasks")).items():
        of_kind = _mapping(path, f"tasks.{kind}", weights)
        for disposition, weight in of_kind.items():
            is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not is_number or not 0 <= weight < 1e9:
                raise WrongResponse(
                    f"{path}: tasks.{kind}.{disposition}: write a weight, 0 or more: "
                    "of two dispositions the one with twice the weight is twice as common"
                )
        tasks[kind] = {name: float(weight) for name, weight in of_kind.items()}
    return tasks
