"""Small pieces of JSON Schema that return in many places."""

from collections.abc import Iterable, Mapping
from typing import Any

Part = Mapping[str, Any]

NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"
CADENCE = r"^[a-z0-9][a-z0-9-]{0,62}$"
WORD = r"^[a-z][a-z0-9_]{0,62}$"
PARTY = r"^[a-z][a-z0-9_-]{0,62}$"
LOCALE = r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$"
SPAN = r"^\s*\d{1,4}\s+(minute|hour|day|week)s?\s*$"

STEPS: Part = {"$ref": "#/$defs/steps"}
CONDITION: Part = {"$ref": "#/$defs/condition"}
WORDS: Part = {"$ref": "#/$defs/words"}
TEXT: Part = {"type": ["string", "number", "boolean"]}
"""A single value; YAML makes a number or a truth value of some that authors mean as text."""


def said(description: str, part: Part | None = None) -> dict[str, Any]:
    """`part` with the description that an editor shows."""
    return {"description": description, **(part or {})}


def text(description: str, pattern: str | None = None) -> dict[str, Any]:
    """A text, perhaps of a certain form."""
    if pattern is None:
        return said(description, TEXT)
    return said(description, {"type": "string", "pattern": pattern})


def span(description: str) -> dict[str, Any]:
    """A span of time such as `2 days`."""
    return said(description, {"type": "string", "pattern": SPAN, "examples": ["2 days", "1 week"]})


def number(description: str, lowest: int, highest: int) -> dict[str, Any]:
    """A whole number."""
    return said(description, {"type": "integer", "minimum": lowest, "maximum": highest})


def choice(description: str, words: Iterable[str]) -> dict[str, Any]:
    """One of a few words."""
    return said(description, {"enum": [str(word) for word in words]})


def yes(description: str) -> dict[str, Any]:
    """Yes or no."""
    return said(description, {"enum": ["yes", "no", "true", "false", True, False]})


def some(description: str, item: Part) -> dict[str, Any]:
    """A list, or a single value in place of a list of one."""
    return said(description, {"anyOf": [{"type": "array", "items": item}, item]})


def keyed(description: str, pattern: str, value: Part) -> dict[str, Any]:
    """A mapping whose keys the author chooses."""
    part = {
        "type": "object",
        "patternProperties": {pattern: value},
        "additionalProperties": False,
    }
    return said(description, part)


def closed(
    description: str, properties: Mapping[str, Part], required: Iterable[str] = ()
) -> dict[str, Any]:
    """A mapping with known keys and no others."""
    part: dict[str, Any] = {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
    }
    if names := list(required):
        part["required"] = names
    return said(description, part)
