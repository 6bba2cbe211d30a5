"""Reads docker-compose.yml as compose would: merge keys and variables resolved."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Dependency(_Part):
    condition: str


class HealthCheck(_Part):
    test: Sequence[str] = ()
    disable: bool = False


class Service(_Part):
    """What the tests look at. Fields of other names are the schema's business."""

    image: str
    command: Sequence[str] = ()
    user: str
    read_only: bool
    init: bool
    restart: str
    cap_drop: Sequence[str]
    security_opt: Sequence[str]
    environment: Mapping[str, str] = {}
    secrets: Sequence[str] = ()
    volumes: Sequence[str | Mapping[str, Any]] = ()
    ports: Sequence[str] = ()
    networks: Sequence[str]
    depends_on: Mapping[str, Dependency] = {}
    healthcheck: HealthCheck
    deploy: Mapping[str, Any] = {}
    profiles: Sequence[str] = ()

    @property
    def is_ours(self) -> bool:
        return self.image.startswith("cadenza:")

    @property
    def runs_for_ever(self) -> bool:
        return self.restart != "no"


class Compose(_Part):
    name: str
    services: Mapping[str, Service]
    networks: Mapping[str, Mapping[str, Any]]
    volumes: Mapping[str, Mapping[str, Any]]
    secrets: Mapping[str, Mapping[str, str]]


def document() -> Any:
    """The file as plain data, with merge keys resolved and variables as they stand."""
    return YAML(typ="safe", pure=True).load(COMPOSE)


def compose(variables: Mapping[str, str]) -> Compose:
    """The file with `variables` put in. Raises KeyError for a missing one, as compose refuses."""
    return Compose.model_validate(_resolved(document(), variables))


def variables() -> Iterator[tuple[str, bool]]:
    """The variables that the file uses, and whether it refuses to do without."""
    for match in _VARIABLE.finditer(COMPOSE.read_text(encoding="utf-8")):
        yield match["name"], match["kind"] == "?"


def _resolved(node: Any, variables: Mapping[str, str]) -> Any:
    match node:
        case str():
            return _VARIABLE.sub(lambda found: _value(found, variables), node)
        case list():
            return [_resolved(item, variables) for item in node]
        case dict():
            return {key: _resolved(value, variables) for key, value in node.items()}
        case _:
            return node


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["kind"] == "-":
        return variables.get(found["name"]) or found["rest"]
    return variables[found["name"]]


def required_variables() -> dict[str, str]:
    """A value for each variable that the file insists on."""
    return {name: f"/{name.lower()}" for name, is_required in variables() if is_required}
