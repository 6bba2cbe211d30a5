"""The whole JSON Schema (draft 2020-12) of a cadence file."""

import json
from typing import Any

from cadenza.authoring.schema.head import HEAD
from cadenza.authoring.schema.parts import LOCALE, TEXT, closed, keyed, said
from cadenza.authoring.schema.steps import step_schemas

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema as a document. It checks structure; what names mean, `cadenza lint` checks."""
    return {
        "$schema": _DIALECT,
        "title": "Cadenza cadence",
        **closed("A sales cadence.", HEAD, ["cadence", "objective", "steps"]),
        "$defs": {
            "words": said(
                "One text, or one per language.",
                {"anyOf": [TEXT, keyed("Texts by language.", LOCALE, TEXT)]},
            ),
            "condition": said(
                "A condition such as `clicked intro within 3 days`, or a list of which all hold.",
                {
                    "anyOf": [
                        {"type": "string", "minLength": 1},
                        {"type": "array", "items": {"type": "string"}, "minItems": 1},
                    ]
                },
            ),
            "steps": {"type": "array", "minItems": 1, "items": {"anyOf": step_schemas()}},
        },
    }


def schema_text() -> str:
    """The schema as its file says it: the same on every run."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"
